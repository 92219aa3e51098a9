namespace Melanoma.Contracts.Recipes;

/// <summary>What every service may know of a training recipe; the layers, loss and optimiser behind it are the training worker's.</summary>
/// <param name="Name">The name a person types, for example <c>quick</c>.</param>
/// <param name="Version">Rises with every change that could change a trained model.</param>
/// <param name="Network">Name of its network: recipes of one network can start from each other's models.</param>
/// <param name="Description">One sentence for people.</param>
/// <param name="Epochs">Passes over the training images unless the request says otherwise, 1 or more.</param>
/// <param name="Seed">Seed of initialisation, shuffling and augmentation unless the request says otherwise; never of splits.</param>
/// <param name="Augmentation">Which augmented variants the recipe trains on besides the originals.</param>
public sealed record RecipeSummary(string Name, int Version, string Network, string Description, int Epochs, int Seed, AugmentationPlan Augmentation);

/// <summary>Which offline variants a recipe wants.</summary>
/// <param name="Policy">Name of the policy, or <see cref="NoPolicy"/>.</param>
/// <param name="SamplesPerClass">Variants made for each diagnosis that has training images, 0 or more.</param>
public sealed record AugmentationPlan(string Policy, int SamplesPerClass)
{
    /// <summary>The policy that makes no variants.</summary>
    public const string NoPolicy = "none";

    /// <summary>The original notebook's policy: with probability 0.7 a rotation by at most 10 degrees either way.</summary>
    public const string AugmentorPolicy = "augmentor";

    /// <summary>No offline variants.</summary>
    public static AugmentationPlan None { get; } = new(NoPolicy, 0);
}
