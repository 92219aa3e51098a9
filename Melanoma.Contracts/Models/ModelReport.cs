using System.Text.Json;

namespace Melanoma.Contracts.Models;

/// <summary>The report of a model version, stored as JSON beside it: the training worker writes it, everybody may read it.</summary>
public sealed record ModelReport
{
    /// <summary>Largest difference of a probability between the trained module and the served graph that is let through.</summary>
    public const double LargestParityDifference = 1e-4;

    /// <summary>The recipe that made it.</summary>
    public required string Recipe { get; init; }

    /// <summary>Version of the recipe.</summary>
    public required int RecipeVersion { get; init; }

    /// <summary>The dataset.</summary>
    public required int DatasetId { get; init; }

    /// <summary><c>honest</c>, or <c>leaky</c> for a reproduction, whose figures say nothing about new patients.</summary>
    public required string Protocol { get; init; }

    /// <summary>Passes over the training images.</summary>
    public required int Epochs { get; init; }

    /// <summary>The epoch, counted from 1, whose weights were kept: the best on validation, or the last; null in older reports.</summary>
    public int? KeptEpoch { get; init; }

    /// <summary>What each epoch came to, in their order, as far as it is known; empty in older reports.</summary>
    public IReadOnlyList<EpochReport> EpochCurve { get; init; } = [];

    /// <summary>Seed of initialisation, shuffling and augmentation.</summary>
    public required int Seed { get; init; }

    /// <summary>How many numbers training changed.</summary>
    public required long Parameters { get; init; }

    /// <summary>Training images per diagnosis, all nine in index order, without variants.</summary>
    public required IReadOnlyList<int> ClassesBefore { get; init; }

    /// <summary>The same with variants.</summary>
    public required IReadOnlyList<int> ClassesAfter { get; init; }

    /// <summary>Figures on the images that choices were made on.</summary>
    public required SplitFigures Validation { get; init; }

    /// <summary>Figures on images that nothing was chosen on; null when the dataset has none.</summary>
    public SplitFigures? Test { get; init; }

    /// <summary>
    /// How often training and comparisons had looked at test lesions of this dataset, in whichever dataset and whether or not a model came of it, this time
    /// counted; 0 without test images, and where nobody counts: a model that was trained on an export.
    /// </summary>
    public required int TestLooks { get; init; }

    /// <summary>The share of each diagnosis at which the probabilities are stated.</summary>
    public required IReadOnlyList<double> ClassPrior { get; init; }

    /// <summary>The calibration temperature, fitted on validation.</summary>
    public required double Temperature { get; init; }

    /// <summary>
    /// How many turned and mirrored views of a picture an answer is the mean of, 1 or 8; 1 in older reports. Every figure here except those of the epochs is of
    /// such answers.
    /// </summary>
    public int Views { get; init; } = 1;

    /// <summary>Thresholds chosen on validation; null where it had no melanoma.</summary>
    public OperatingPoints? OperatingPoints { get; init; }

    /// <summary>Diagnoses without training images.</summary>
    public required IReadOnlyList<string> Unsupported { get; init; }

    /// <summary>Largest difference of a probability between the trained module and the served graph; at most <see cref="LargestParityDifference"/>.</summary>
    public required double ParityDifference { get; init; }

    /// <summary>
    /// The files of the version and which of them answers; null in older reports, where the one in full precision does. All other figures here are of the trained network,
    /// which the file in full precision equals.
    /// </summary>
    public ArtefactChoice? Artefacts { get; init; }

    /// <summary>Findings in words, by stated rules.</summary>
    public required IReadOnlyList<string> Findings { get; init; }

    /// <summary>Simple models on the same training and test images, to be held beside <see cref="Test"/>; empty in older reports and without test images.</summary>
    public IReadOnlyList<BaselineFigures> Baselines { get; init; } = [];

    /// <summary>What must be known of the dataset by everybody who reads these figures, as it was known when it was made; empty in older reports.</summary>
    public IReadOnlyList<string> DatasetWarnings { get; init; } = [];

    /// <summary>Under which licences the dataset's pictures are, the commonest first; empty in older reports.</summary>
    public IReadOnlyList<LicenceCount> Licences { get; init; } = [];

    /// <summary>The report as it is stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);

    /// <summary>Reads a stored report.</summary>
    /// <exception cref="JsonException">The text is no report.</exception>
    public static ModelReport FromJson(string json) =>
        JsonSerializer.Deserialize<ModelReport>(json, JsonSerializerOptions.Web) ?? throw new JsonException("The report is null.");
}

/// <summary>
/// How a model does on the images of a split that have one fine label. The diagnosis is the supported class with the
/// largest p / prior, so that rare classes are not drowned by nevi.
/// </summary>
public sealed record SplitFigures
{
    /// <summary>Images judged.</summary>
    public required int Images { get; init; }

    /// <summary>Lesion groups among them, the unit of the intervals; in a reproduction every file is its own.</summary>
    public required int Groups { get; init; }

    /// <summary>Images left out because their label names several diagnoses.</summary>
    public required int CoarseImages { get; init; }

    /// <summary>Share of images whose most probable class is theirs, 0 to 1.</summary>
    public required double Accuracy { get; init; }

    /// <summary>95 % interval of <see cref="Accuracy"/>.</summary>
    public required Interval AccuracyInterval { get; init; }

    /// <summary>Mean recall of the diagnosis over the classes that have images, 0 to 1.</summary>
    public required double BalancedAccuracy { get; init; }

    /// <summary>95 % interval of <see cref="BalancedAccuracy"/>.</summary>
    public required Interval BalancedAccuracyInterval { get; init; }

    /// <summary>Mean cross-entropy of the probabilities, in nats; each bounded at -ln(1e-7).</summary>
    public required double Loss { get; init; }

    /// <summary>95 % interval of <see cref="Loss"/>; null in older reports, like the other intervals that may be null.</summary>
    public Interval? LossInterval { get; init; }

    /// <summary>Area under the ROC curve of the melanoma probability; null when a side has no image.</summary>
    public double? MelanomaAuc { get; init; }

    /// <summary>95 % interval of <see cref="MelanomaAuc"/>.</summary>
    public Interval? MelanomaAucInterval { get; init; }

    /// <summary>Average precision of the melanoma probability: precision at each threshold, weighted by the recall that it adds; null without melanomas.</summary>
    public double? MelanomaAveragePrecision { get; init; }

    /// <summary>95 % interval of <see cref="MelanomaAveragePrecision"/>.</summary>
    public Interval? MelanomaAveragePrecisionInterval { get; init; }

    /// <summary>Expected calibration error of the largest probability in 15 equal bins, before the temperature.</summary>
    public required double CalibrationErrorBefore { get; init; }

    /// <summary>95 % interval of <see cref="CalibrationErrorBefore"/>.</summary>
    public Interval? CalibrationErrorBeforeInterval { get; init; }

    /// <summary>The same with the temperature.</summary>
    public required double CalibrationErrorAfter { get; init; }

    /// <summary>95 % interval of <see cref="CalibrationErrorAfter"/>.</summary>
    public Interval? CalibrationErrorAfterInterval { get; init; }

    /// <summary>Share of melanomas at or above <see cref="OperatingPoints.T95"/>; null without melanomas or operating points.</summary>
    public double? SensitivityAtT95 { get; init; }

    /// <summary>95 % interval of <see cref="SensitivityAtT95"/>.</summary>
    public Interval? SensitivityAtT95Interval { get; init; }

    /// <summary>Share of the others below <see cref="OperatingPoints.T95"/>.</summary>
    public double? SpecificityAtT95 { get; init; }

    /// <summary>95 % interval of <see cref="SpecificityAtT95"/>.</summary>
    public Interval? SpecificityAtT95Interval { get; init; }

    /// <summary>Share of melanomas at or above <see cref="OperatingPoints.T90"/>.</summary>
    public double? SensitivityAtT90 { get; init; }

    /// <summary>95 % interval of <see cref="SensitivityAtT90"/>.</summary>
    public Interval? SensitivityAtT90Interval { get; init; }

    /// <summary>Share of the others below <see cref="OperatingPoints.T90"/>.</summary>
    public double? SpecificityAtT90 { get; init; }

    /// <summary>95 % interval of <see cref="SpecificityAtT90"/>.</summary>
    public Interval? SpecificityAtT90Interval { get; init; }

    /// <summary>All nine diagnoses in index order.</summary>
    public required IReadOnlyList<ClassFigures> Classes { get; init; }

    /// <summary>Rows are true diagnoses, columns given ones, both in index order.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Confusion { get; init; }

    /// <summary>
    /// The split in the seven classes of HAM10000, with the images whose label names several diagnoses of one class; null in older reports.
    /// </summary>
    public VocabularyFigures? Ham10000 { get; init; }

    /// <summary>
    /// Share of lesions with a picture whose diagnosis is not the same in all of its eight turned and mirrored views, 0 to 1; null where it was not measured.
    /// Where an answer is the mean of all eight views it is 0: the views of a view are the same eight, and only a tie could be broken otherwise.
    /// </summary>
    public double? FlipRate { get; init; }

    /// <summary>95 % interval of <see cref="FlipRate"/>.</summary>
    public Interval? FlipRateInterval { get; init; }

    /// <summary>What the plots are drawn from; null in older reports and without images.</summary>
    public SplitCurves? Curves { get; init; }
}

/// <summary>The curves of a split, each of at most 101 points, so that they can be drawn again from the report alone. Empty where they are not defined.</summary>
/// <param name="Roc">False alarms (X: share of the others at or above the threshold) against melanomas found (Y), thresholds falling.</param>
/// <param name="PrecisionRecall">Melanomas found (X) against the share of melanomas among those at or above the threshold (Y), thresholds falling.</param>
/// <param name="ReliabilityBefore">Bins of the largest probability without the temperature; bins without images are left out.</param>
/// <param name="ReliabilityAfter">The same with the temperature.</param>
/// <param name="RiskCoverage">Share of images answered when the least certain are left to a person (X) against the share of wrong ones among them (Y).</param>
public sealed record SplitCurves(
    IReadOnlyList<CurvePoint> Roc,
    IReadOnlyList<CurvePoint> PrecisionRecall,
    IReadOnlyList<ReliabilityBin> ReliabilityBefore,
    IReadOnlyList<ReliabilityBin> ReliabilityAfter,
    IReadOnlyList<CurvePoint> RiskCoverage);

/// <summary>A point of a curve; both 0 to 1.</summary>
/// <param name="X">Place on the horizontal axis.</param>
/// <param name="Y">Place on the vertical axis.</param>
public sealed record CurvePoint(double X, double Y);

/// <summary>The images whose largest probability is in one of 15 equal bins.</summary>
/// <param name="Confidence">Mean of their largest probability, 0 to 1.</param>
/// <param name="Right">Share of them whose most probable class is theirs, 0 to 1.</param>
/// <param name="Images">How many there are, at least 1.</param>
/// <param name="RightInterval">95 % interval of <paramref name="Right"/>.</param>
public sealed record ReliabilityBin(double Confidence, double Right, int Images, Interval RightInterval);

/// <summary>What an epoch came to. Losses are mean cross-entropies in nats; the others are shares of images, 0 to 1.</summary>
/// <param name="Epoch">Its number, counted from 1.</param>
/// <param name="TrainingLoss">On the training images as they were augmented, while the weights changed.</param>
/// <param name="TrainingAccuracy">The same; a picture that was mixed of two counts for the label of each as much as it is seen.</param>
/// <param name="ValidationLoss">After the epoch, without any temperature.</param>
/// <param name="ValidationAccuracy">The same.</param>
/// <param name="ValidationBalancedAccuracy">The same.</param>
public sealed record EpochReport(
    int Epoch, double TrainingLoss, double TrainingAccuracy, double ValidationLoss, double ValidationAccuracy, double ValidationBalancedAccuracy);

/// <summary>How many pictures are under a licence.</summary>
/// <param name="Licence">As the catalogue writes it; <c>unknown</c> where no table says one.</param>
/// <param name="Images">How many of the dataset's pictures.</param>
public sealed record LicenceCount(string Licence, int Images);

/// <summary>How a model does in a coarser vocabulary than the nine diagnoses: the probabilities of a class's diagnoses are added up.</summary>
/// <param name="Images">Images judged.</param>
/// <param name="Groups">Lesion groups among them, the unit of the intervals.</param>
/// <param name="Accuracy">Share of images whose most probable class is theirs.</param>
/// <param name="AccuracyInterval">95 % interval of it.</param>
/// <param name="BalancedAccuracy">Mean recall over the classes that have images, of the class with the largest p / prior.</param>
/// <param name="BalancedAccuracyInterval">95 % interval of it.</param>
/// <param name="MelanomaAuc">Area under the ROC curve of the melanoma probability; null when a side has no image.</param>
/// <param name="MelanomaAucInterval">95 % interval of it.</param>
/// <param name="Classes">All classes of the vocabulary, in its order.</param>
public sealed record VocabularyFigures(
    int Images,
    int Groups,
    double Accuracy,
    Interval AccuracyInterval,
    double BalancedAccuracy,
    Interval BalancedAccuracyInterval,
    double? MelanomaAuc,
    Interval? MelanomaAucInterval,
    IReadOnlyList<ClassFigures> Classes);

/// <summary>How a simple model does on the test images that have one fine label.</summary>
/// <param name="Name">What it is, for example <c>majority class</c>.</param>
/// <param name="Accuracy">Share of images whose most probable class is theirs, 0 to 1.</param>
/// <param name="AccuracyInterval">95 % interval of it.</param>
/// <param name="BalancedAccuracy">Mean recall of its diagnosis over the classes that have images.</param>
/// <param name="BalancedAccuracyInterval">95 % interval of it.</param>
/// <param name="MelanomaAuc">Area under the ROC curve of its melanoma probability; null when a side has no image.</param>
/// <param name="MelanomaAucInterval">95 % interval of it.</param>
public sealed record BaselineFigures(
    string Name,
    double Accuracy,
    Interval AccuracyInterval,
    double BalancedAccuracy,
    Interval BalancedAccuracyInterval,
    double? MelanomaAuc,
    Interval? MelanomaAucInterval);

/// <summary>How the diagnosis does for one class.</summary>
/// <param name="Diagnosis">Its name.</param>
/// <param name="Images">Images of the class.</param>
/// <param name="Precision">Share of right ones among those given; null when it was never given.</param>
/// <param name="Recall">Share of its images that were found; null without images.</param>
/// <param name="F1">Harmonic mean of both; null without images.</param>
public sealed record ClassFigures(string Diagnosis, int Images, double? Precision, double? Recall, double? F1)
{
    /// <summary>95 % interval of <see cref="Precision"/>; null in older reports, as the others.</summary>
    public Interval? PrecisionInterval { get; init; }

    /// <summary>95 % interval of <see cref="Recall"/>.</summary>
    public Interval? RecallInterval { get; init; }

    /// <summary>95 % interval of <see cref="F1"/>.</summary>
    public Interval? F1Interval { get; init; }
}

/// <summary>A range that holds the true value with the stated confidence.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record Interval(double Low, double High);
