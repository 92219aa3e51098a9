using System.Collections.Immutable;

namespace Melanoma.Contracts.Recipes;

/// <summary>The recipes that can be asked for by name.</summary>
public static class RecipeCatalogue
{
    /// <summary>Every recipe, the one for newcomers first.</summary>
    public static ImmutableArray<RecipeSummary> All { get; } =
    [
        new("quick", 1, "quick", "A small network of plain convolutions that gets somewhere within ten minutes on two cores.",
            Epochs: 12, Seed: 123, new AugmentationPlan(AugmentationPlan.AugmentorPolicy, 500)),
        new("head", 1, "efficientnet-lite0", "The last layer alone, fitted to what a frozen EfficientNet-Lite0 with ImageNet weights sees: fitted in a minute on two cores, judged in three more.",
            Epochs: 1, Seed: 123, AugmentationPlan.None),
        new("standard", 3, "efficientnet-lite0", "The best that this project can do: EfficientNet-Lite0 from ImageNet weights, averaged, hours on two cores, minutes on a GPU.",
            Epochs: 14, Seed: 123, AugmentationPlan.None),
        new("residual", 2, "resnet18", "As standard, with a ResNet-18: plain convolutions only, more than twice the parameters.",
            Epochs: 14, Seed: 123, AugmentationPlan.None),
        new("mobile", 2, "mobilenet-v2", "As standard, with a MobileNetV2: the smallest of the three.",
            Epochs: 14, Seed: 123, AugmentationPlan.None),
        new("seed-baseline", 1, "seed-baseline", "The original notebook's first network on the images as they are.",
            Epochs: 20, Seed: 123, AugmentationPlan.None),
        new("seed-augmented", 1, "seed-baseline", "The original notebook's first network behind random flips, rotation, zoom and contrast.",
            Epochs: 20, Seed: 123, AugmentationPlan.None),
        new("seed-final", 1, "seed-final", "The original notebook's last network on the images and 500 augmented samples per class.",
            Epochs: 50, Seed: 123, new AugmentationPlan(AugmentationPlan.AugmentorPolicy, 500)),
    ];

    /// <summary>Finds a recipe by name, whatever the case; null when there is none.</summary>
    public static RecipeSummary? Find(string name) => All.FirstOrDefault(recipe => string.Equals(recipe.Name, name, StringComparison.OrdinalIgnoreCase));
}
