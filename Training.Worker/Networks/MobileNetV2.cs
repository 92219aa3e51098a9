using System.Collections.Immutable;
using System.Globalization;
using Stage = Melanoma.Training.Networks.InvertedResiduals.Stage;

namespace Melanoma.Training.Networks;

/// <summary>
/// MobileNetV2 (Sandler et al. 2018) as torchvision builds it and under its names, but padded and fed as TensorFlow trained it. Any side of at least 32 pixels
/// will do. Weights that torchvision itself trained want other padding and other pixels; fine-tuned, they get used to these.
/// </summary>
internal static class MobileNetV2
{
    private static readonly ImmutableArray<Stage> Stages =
        [new(1, 3, 1, 16, 1), new(6, 3, 2, 24, 2), new(6, 3, 2, 32, 3), new(6, 3, 2, 64, 4), new(6, 3, 1, 96, 3), new(6, 3, 2, 160, 3), new(6, 3, 1, 320, 1)];

    /// <summary>Width 1.0: 3.50 million parameters with ImageNet's head; embedding of 1,280 numbers.</summary>
    public static NetworkDescription Width1 { get; } = new(
        "mobilenet-v2", 224, Normalization.About([127, 127, 127], [127.5, 127.5, 127.5]), InvertedResiduals.Layers(Stages, new BatchNormalization(Epsilon: 1e-5)))
    {
        Published = new PublishedNames("torchvision", [.. TorchvisionModules()], "classifier.1"),
    };

    private static IEnumerable<string> TorchvisionModules()
    {
        var feature = 0;
        yield return Module("0");
        yield return Module("1");
        foreach (var stage in Stages)
        {
            string[] modules = stage.Widens ? ["0.0", "0.1", "1.0", "1.1", "2", "3"] : ["0.0", "0.1", "1", "2"];
            for (var block = 0; block < stage.Repeats; block++)
            {
                feature++;
                foreach (var module in modules)
                {
                    yield return Module($"conv.{module}");
                }
            }
        }

        feature++;
        yield return Module("0");
        yield return Module("1");

        string Module(string name) => string.Create(CultureInfo.InvariantCulture, $"features.{feature}.{name}");
    }
}
