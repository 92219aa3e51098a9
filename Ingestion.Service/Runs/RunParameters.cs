using Grpc.Core;
using Melanoma.Contracts.Recipes;

namespace Melanoma.Ingestion.Runs;

/// <summary>What every request for training says, held against what there is.</summary>
internal sealed record RunParameters(RecipeSummary Recipe, int Epochs, int Seed)
{
    private const int MaxEpochs = 1000;

    /// <exception cref="RpcException">INVALID_ARGUMENT: there is no such recipe, or a number is out of its range.</exception>
    public static RunParameters Of(string recipeName, int? epochs, int? seed)
    {
        var recipe = RecipeCatalogue.Find(recipeName) ?? throw new RpcException(new Status(
            StatusCode.InvalidArgument, $"There is no recipe '{recipeName}'. Recipes: {string.Join(", ", RecipeCatalogue.All.Select(known => known.Name))}."));
        return epochs is < 1 or > MaxEpochs
            ? throw new RpcException(new Status(StatusCode.InvalidArgument, $"epochs is {epochs}; it must be from 1 to {MaxEpochs}."))
            : new RunParameters(recipe, epochs ?? recipe.Epochs, seed ?? recipe.Seed);
    }
}
