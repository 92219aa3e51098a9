using System.Collections.Immutable;
using Melanoma.Contracts.Recipes;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Recipes;

/// <summary>How each recipe of the catalogue is trained.</summary>
internal static class TrainingRecipes
{
    public static ImmutableArray<TrainingRecipe> All { get; } =
    [
        new(
            Named("quick"),
            NetworkCatalogue.Quick,
            [new RandomSymmetry()],
            ClassBalancing.LogitAdjustment,
            new AdamSettings(LearningRate: 2e-3),
            new WarmUpThenCosine()),
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

    private static TrainingRecipe Seed(string name, NetworkDescription network, ImmutableArray<OnlineLayer> onlineAugmentation) =>
        new(Named(name), network, onlineAugmentation, ClassBalancing.None, new AdamSettings(), new ReduceOnPlateau());

    private static RecipeSummary Named(string name) => RecipeCatalogue.Find(name) ?? throw new InvalidOperationException($"The catalogue has no recipe '{name}'.");
}

/// <summary>A run asks for a recipe that this build does not know.</summary>
internal sealed class UnknownRecipeException(string name, int version) : Exception($"This worker knows no recipe '{name}' of version {version}.");
