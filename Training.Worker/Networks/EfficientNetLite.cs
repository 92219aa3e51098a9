using System.Collections.Immutable;
using System.Globalization;
using Stage = Melanoma.Training.Networks.InvertedResiduals.Stage;

namespace Melanoma.Training.Networks;

/// <summary>
/// EfficientNet-Lite (Tan and Le 2019, in TensorFlow's mobile variant: ReLU6, no squeeze-and-excitation), published under timm's names.
/// Any side of at least 32 pixels will do: <c>Lite0 with { InputSize = 160 }</c>.
/// </summary>
internal static class EfficientNetLite
{
    private static readonly ImmutableArray<Stage> Stages0 =
        [new(1, 3, 1, 16, 1), new(6, 3, 2, 24, 2), new(6, 5, 2, 40, 2), new(6, 3, 2, 80, 3), new(6, 5, 1, 112, 3), new(6, 5, 2, 192, 4), new(6, 3, 1, 320, 1)];

    private static readonly ImmutableArray<Stage> Stages2 =
        [new(1, 3, 1, 16, 1), new(6, 3, 2, 24, 3), new(6, 5, 2, 48, 3), new(6, 3, 2, 88, 4), new(6, 5, 1, 120, 4), new(6, 5, 2, 208, 5), new(6, 3, 1, 352, 1)];

    /// <summary>4.65 million parameters with ImageNet's head; embedding of 1,280 numbers.</summary>
    public static NetworkDescription Lite0 { get; } = Describe("efficientnet-lite0", 224, Stages0);

    /// <summary>6.09 million parameters with ImageNet's head; embedding of 1,280 numbers.</summary>
    public static NetworkDescription Lite2 { get; } = Describe("efficientnet-lite2", 260, Stages2);

    /// <summary>Whether a network is one of these, of any input size.</summary>
    public static bool Describes(NetworkDescription description) => description.Name == Lite0.Name || description.Name == Lite2.Name;

    /// <summary>The index of the last layer of a stage, 0 to 6: what stands behind stages 2 to 4 shows texture, what stands behind 6 the whole.</summary>
    public static int EndOfStage(NetworkDescription description, int stage) =>
        InvertedResiduals.EndOfStage(description.Name == Lite0.Name ? Stages0 : Stages2, stage);

    private static NetworkDescription Describe(string name, int inputSize, ImmutableArray<Stage> stages) => new(
        name, inputSize, Normalization.AboutHalf, InvertedResiduals.Layers(stages, new BatchNormalization(Epsilon: 1e-3, Momentum: 0.01)))
    {
        Published = new PublishedNames("timm", [.. TimmModules(stages)], "classifier"),
    };

    private static IEnumerable<string> TimmModules(ImmutableArray<Stage> stages)
    {
        yield return "conv_stem";
        yield return "bn1";
        for (var stage = 0; stage < stages.Length; stage++)
        {
            string[] modules = stages[stage].Widens
                ? ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
                : ["conv_dw", "bn1", "conv_pw", "bn2"];
            for (var block = 0; block < stages[stage].Repeats; block++)
            {
                foreach (var module in modules)
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"blocks.{stage}.{block}.{module}");
                }
            }
        }

        yield return "conv_head";
        yield return "bn2";
    }
}
