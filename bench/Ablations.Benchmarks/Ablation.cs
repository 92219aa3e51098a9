using System.Collections.Immutable;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using Melanoma.Training.Recipes.Augmentation;

namespace Melanoma.Training.Ablations;

/// <summary>The recipe <c>standard</c> with one thing changed.</summary>
/// <param name="Weights">Which of the two files of ImageNet weights it starts from.</param>
internal sealed record Ablation(string Name, Func<TrainingRecipe, TrainingRecipe> Change, string Weights = "lite0")
{
    public static ImmutableArray<Ablation> All { get; } =
    [
        new("standard", recipe => recipe),
        new("plain", recipe => recipe with { Mixing = null, Network = recipe.Network.WithStochasticDepth(0) }),
        new("lite2", recipe => recipe with { Network = (EfficientNetLite.Lite2 with { InputSize = recipe.Network.InputSize }).WithStochasticDepth(0.1) }, "lite2"),
        new("slower", recipe => recipe with { Optimiser = recipe.Optimiser with { LearningRate = recipe.Optimiser.LearningRate / 3 } }),
        new("more-mixing", recipe => recipe with { Mixing = new PictureMixing(Blended: 0.5, Patched: 0.5, Alpha: 1) }),
        new("smaller", recipe => recipe with { GrowingSides = [128, 160, 160] }),
    ];
}
