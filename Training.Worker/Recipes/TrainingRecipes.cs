using System.Collections.Immutable;
using Melanoma.Contracts.Recipes;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes.Augmentation;

namespace Melanoma.Training.Recipes;

/// <summary>How each recipe of the catalogue is trained.</summary>
internal static class TrainingRecipes
{
    private static readonly TrainingRecipe Standard = new(
        Named("standard"),
        At192(EfficientNetLite.Lite0),
        [
            new RandomArtefact(Probability: 0.2),
            new RandomView(Nearest: 0.55, Farthest: 1.15, Aspect: 1.4, Turned: 0.5),
            new RandomResolution(Probability: 0.3, Smallest: 0.45),
            new RandomJpeg(Probability: 0.4, Lowest: 40, Highest: 95),
            new RandomSharpness(Probability: 0.5, Sigma: 1.2, Sharpest: 0.6),
            new RandomColour(Exposure: 0.2, Contrast: 0.25, Saturation: 0.25, Balance: 0.08),
            new RandomNoise(Probability: 0.3, Strongest: 8),
        ],
        ClassBalancing.LogitAdjustment,
        new AdamSettings(LearningRate: 5e-4, Epsilon: 1e-8, WeightDecay: 0.03, LargestNorm: 1),
        new WarmUpThenCosine(WarmUpEpochs: 0.5),
        BatchSize: 128)
    {
        StartsFromInitialWeights = true,
        Mixing = new PictureMixing(Blended: 0.5, Patched: 0.25, Alpha: 0.4),
        GrowingSides = [128, 160, 192],
        AverageDecay = 0.999,
        RarityPower = 0.5,
        LeastLesions = 10,
        Patience = 10,
    };

    public static ImmutableArray<TrainingRecipe> All { get; } =
    [
        new(
            Named("quick"),
            NetworkCatalogue.Quick,
            [new RandomSymmetry()],
            ClassBalancing.LogitAdjustment,
            new AdamSettings(LearningRate: 2e-3),
            new WarmUpThenCosine()),
        new(
            Named("head"),
            EfficientNetLite.Lite0 with { InputSize = 160 },
            [],
            ClassBalancing.LogitAdjustment,
            new AdamSettings(),
            new WarmUpThenCosine())
        {
            StartsFromInitialWeights = true,
            HeadPenalty = LastLayer.Penalty,
            LeastLesions = 10,
        },
        Standard,
        Standard with { Summary = Named("residual"), Network = At192(ResNet.Depth18) },
        Standard with { Summary = Named("mobile"), Network = At192(MobileNetV2.Width1) },
        Seed("seed-baseline", NetworkCatalogue.SeedBaseline, []),
        Seed(
            "seed-augmented",
            NetworkCatalogue.SeedBaseline,
            [new RandomFlip(), new RandomRotation(0.2), new RandomZoom(0.2), new RandomContrast(0.1)]),
        Seed("seed-final", NetworkCatalogue.SeedFinal, []),
    ];

    /// <summary>The recipe of this name and version.</summary>
    /// <exception cref="UnknownRecipeException">This build has no such recipe.</exception>
    public static TrainingRecipe Find(string name, int version) =>
        All.FirstOrDefault(recipe => recipe.Summary.Name == name && recipe.Summary.Version == version) ?? throw new UnknownRecipeException(name, version);

    /// <summary>The newest version of a recipe.</summary>
    /// <param name="name">A name of the catalogue.</param>
    public static TrainingRecipe Newest(string name) => All.Where(recipe => recipe.Summary.Name == name).MaxBy(recipe => recipe.Summary.Version)!;

    private static NetworkDescription At192(NetworkDescription network) => (network with { InputSize = 192 }).WithStochasticDepth(0.1);

    private static TrainingRecipe Seed(string name, NetworkDescription network, ImmutableArray<OnlineLayer> onlineAugmentation) =>
        new(Named(name), network, onlineAugmentation, ClassBalancing.None, new AdamSettings(), new ReduceOnPlateau());

    private static RecipeSummary Named(string name) => RecipeCatalogue.Find(name) ?? throw new InvalidOperationException($"The catalogue has no recipe '{name}'.");
}

/// <summary>A run asks for a recipe that this build does not know.</summary>
internal sealed class UnknownRecipeException(string name, int version) : Exception($"This worker knows no recipe '{name}' of version {version}.");
