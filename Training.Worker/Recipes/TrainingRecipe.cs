using System.Collections.Immutable;
using Melanoma.Contracts.Recipes;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes.Augmentation;

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
    int BatchSize = 32)
{
    /// <summary>Whether the network starts from the weights of <see cref="TrainingOptions.InitialWeights"/> where there are some.</summary>
    public bool StartsFromInitialWeights { get; init; }

    /// <summary>
    /// The sides of the square pictures, in pixels, from the first epochs to the last, each for an equal part of them (Tan and Le 2021: progressive learning);
    /// empty for the network's own throughout. A <see cref="RandomView"/> makes the pictures of that side.
    /// </summary>
    public ImmutableArray<int> GrowingSides { get; init; } = [];

    /// <summary>Whether and how training pictures are mixed with each other after the online augmentation.</summary>
    public PictureMixing? Mixing { get; init; }

    /// <summary>
    /// Share of the way that the averaged weights keep at each step (an exponential moving average, 0 to 1); null to judge and serve the last weights.
    /// </summary>
    public double? AverageDecay { get; init; }

    /// <summary>
    /// How strongly rare diagnoses are shown more often: an image is drawn in proportion to (share of its diagnoses)^-power. 0 shows each image once an epoch,
    /// 1 all diagnoses equally often.
    /// </summary>
    public double RarityPower { get; init; }

    /// <summary>A diagnosis with fewer training lesions is unsupported: what is learned of two lesions is those two.</summary>
    public int LeastLesions { get; init; } = 1;

    /// <summary>
    /// Epochs without a better balanced accuracy on validation after which training ends; the best epoch's weights are kept. Null trains to the end and keeps
    /// the last.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>
    /// Where set, all layers but the last stay as they are: each picture is embedded once, as it is, and the last layer is fitted by logistic regression with this
    /// penalty. There is one epoch then.
    /// </summary>
    public double? HeadPenalty { get; init; }

    /// <summary>The same recipe without a choice that is made on validation, neither the best epoch nor a learning rate: for a fold that is held out.</summary>
    public TrainingRecipe WithoutChoices() => this with
    {
        Patience = null,
        Schedule = Schedule is ReduceOnPlateau plateau ? plateau with { Patience = int.MaxValue } : Schedule,
    };

    /// <summary>The side of the pictures in an epoch, in pixels.</summary>
    /// <param name="epoch">Counted from 0.</param>
    public int SideAt(int epoch, int epochs) =>
        GrowingSides.IsEmpty ? Network.InputSize : GrowingSides[Math.Min(GrowingSides.Length - 1, epoch * GrowingSides.Length / Math.Max(1, epochs))];
}

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
/// <param name="WeightDecay">What kernels lose at each step, times the learning rate (Loshchilov and Hutter 2019).</param>
/// <param name="LargestNorm">Norm of all gradients together above which they are scaled down to it; null for none.</param>
internal sealed record AdamSettings(
    double LearningRate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-7, double WeightDecay = 0, double? LargestNorm = null);

internal abstract record LearningRateSchedule;

/// <summary>Keras' ReduceLROnPlateau on validation accuracy: after <paramref name="Patience"/> epochs without a gain above 1e-4 the rate is multiplied.</summary>
internal sealed record ReduceOnPlateau(int Patience = 5, double Factor = 0.2, double Minimum = 1e-7) : LearningRateSchedule;

/// <summary>Rises over the first <paramref name="WarmUpEpochs"/> epochs, then follows half a cosine down to zero at the last step of the run.</summary>
internal sealed record WarmUpThenCosine(double WarmUpEpochs = 0.5) : LearningRateSchedule;
