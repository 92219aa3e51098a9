using System.Text.Json.Serialization;

namespace Melanoma.Contracts.Models;

/// <summary>The files of a model version and which of them answers: decided once, when the version is made, and the same on every replica from then on.</summary>
/// <param name="Serves"><see cref="ModelProperties.FullPrecision"/> or <see cref="ModelProperties.EightBits"/>.</param>
/// <param name="Reason">Why, in words.</param>
/// <param name="Files">The files that there are, the one in full precision first.</param>
public sealed record ArtefactChoice(string Serves, string Reason, IReadOnlyList<ArtefactFigures> Files)
{
    /// <summary>The figures of the file that answers.</summary>
    [JsonIgnore]
    public ArtefactFigures Serving => Files.Single(file => file.Precision == Serves);
}

/// <summary>What was measured of one file of a version, as ONNX Runtime computes it on the CPU.</summary>
/// <param name="Precision">The numbers that it computes with.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Milliseconds">Shortest time for a picture, one thread, without decoding; null where there is nothing to compare.</param>
/// <param name="Temperature">Its own calibration temperature.</param>
/// <param name="OperatingPoints">Its own thresholds; null where validation had no melanoma.</param>
/// <param name="Validation">On the images that the choice was made on.</param>
/// <param name="Test">On images that nothing was chosen on; null when the dataset has none.</param>
public sealed record ArtefactFigures(
    string Precision, int Bytes, double? Milliseconds, double Temperature, OperatingPoints? OperatingPoints, ArtefactSplit Validation, ArtefactSplit? Test);

/// <summary>How a file does on the images of a split that have one fine label. Shares are 0 to 1; null where a side has no image or there is no threshold.</summary>
/// <param name="Images">Images judged.</param>
/// <param name="BalancedAccuracy">Mean recall of the diagnosis over the classes that have images.</param>
/// <param name="MelanomaAuc">Area under the ROC curve of the melanoma probability.</param>
/// <param name="SensitivityAtT95">Share of melanomas at or above the file's own threshold for 95 %.</param>
/// <param name="SpecificityAtT95">Share of the others below it.</param>
/// <param name="SensitivityAtT90">The same for 90 %.</param>
/// <param name="SpecificityAtT90">The same for 90 %.</param>
/// <param name="CalibrationError">Expected calibration error of the largest probability in 15 equal bins.</param>
public sealed record ArtefactSplit(
    int Images,
    double BalancedAccuracy,
    double? MelanomaAuc,
    double? SensitivityAtT95,
    double? SpecificityAtT95,
    double? SensitivityAtT90,
    double? SpecificityAtT90,
    double CalibrationError);
