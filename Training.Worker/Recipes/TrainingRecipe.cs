using System.Collections.Immutable;
using Melanoma.Contracts.Recipes;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Recipes;

/// <summary>The training worker's side of a recipe; name, version, epochs, seed and offline variants stand in the contracts' catalogue.</summary>
/// <param name="OnlineAugmentation">Applied in this order to each batch of training images, on pixels 0-255.</param>
internal sealed record TrainingRecipe(
    RecipeSummary Summary,
    NetworkDescription Network,
    ImmutableArray<OnlineLayer> OnlineAugmentation,
    ClassBalancing Balancing,
    AdamSettings Optimiser,
    LearningRateSchedule Schedule,
    int BatchSize = 32);

/// <summary>What is done about rare diagnoses.</summary>
internal enum ClassBalancing
{
    /// <summary>Plain cross-entropy: the probabilities are those at the class shares of the images trained on, variants included.</summary>
    None,

    /// <summary>
    /// Cross-entropy on logits + ln(share trained on), so that the bare logits know no prior (Menon et al. 2021); served with ln(share of
    /// the training lesions) added.
    /// </summary>
    LogitAdjustment,
}

/// <summary>Adam (Kingma and Ba 2015) as Keras has it: epsilon is added to the uncorrected root of the second moment.</summary>
internal sealed record AdamSettings(double LearningRate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-7);

internal abstract record LearningRateSchedule;

/// <summary>Keras' ReduceLROnPlateau on validation accuracy: after <paramref name="Patience"/> epochs without a gain above 1e-4 the rate is multiplied.</summary>
internal sealed record ReduceOnPlateau(int Patience = 5, double Factor = 0.2, double Minimum = 1e-7) : LearningRateSchedule;

/// <summary>Rises over the first <paramref name="WarmUpEpochs"/> epochs, then follows half a cosine down to zero at the last step of the run.</summary>
internal sealed record WarmUpThenCosine(double WarmUpEpochs = 0.5) : LearningRateSchedule;
