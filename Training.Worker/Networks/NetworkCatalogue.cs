using System.Collections.Immutable;
using Melanoma.Contracts;

namespace Melanoma.Training.Networks;

/// <summary>The networks that can be trained.</summary>
internal static class NetworkCatalogue
{
    /// <summary>The original notebook's first network: 720,601 parameters.</summary>
    public static NetworkDescription SeedBaseline { get; } = new("seed-baseline", 180, Normalization.ZeroToOne,
    [
        .. SeedBlock(32, 3, Padding.Same), new Dropout(0.25),
        .. SeedBlock(64, 3, Padding.Same), new Dropout(0.25),
        .. SeedBlock(64, 3, Padding.Same), new Dropout(0.25),
        .. SeedBlock(64, 3, Padding.Same),
        .. SeedBlock(16, 7, Padding.Same), new Dropout(0.25),
        .. SeedBlock(128, 11, Padding.Same), new Dropout(0.25),
        .. SeedBlock(256, 3, Padding.Same), new Dropout(0.25),
        new Flatten(),
        new Dense(128), new Relu(),
        new Dense(Diagnoses.Count),
    ]);

    /// <summary>The original notebook's last network: 5,738,825 parameters.</summary>
    public static NetworkDescription SeedFinal { get; } = new("seed-final", 180, Normalization.ZeroToOne,
    [
        .. SeedBlock(32, 3, Padding.Valid),
        .. SeedBlock(64, 3, Padding.Valid),
        .. SeedBlock(128, 3, Padding.Valid),
        .. SeedBlock(256, 11, Padding.Valid),
        new Dropout(0.5),
        new Flatten(),
        new Dense(256), new Relu(), new Dropout(0.25),
        new Dense(128), new Relu(), new Dropout(0.25),
        new Dense(64), new Relu(), new Dropout(0.25),
        new Dense(Diagnoses.Count),
    ]);

    /// <summary>Small plain convolutions with batch normalisation; strides instead of pooling keep it fast on two cores.</summary>
    public static NetworkDescription Quick { get; } = new("quick", 128, Normalization.MinusOneToOne,
    [
        .. QuickBlock(16, 2),
        .. QuickBlock(32, 2), .. QuickBlock(32, 1),
        .. QuickBlock(64, 2), .. QuickBlock(64, 1),
        .. QuickBlock(128, 2), .. QuickBlock(128, 1),
        new GlobalAveragePool(),
        new Dropout(0.2),
        new Dense(Diagnoses.Count),
    ]);

    public static ImmutableArray<NetworkDescription> All { get; } =
        [Quick, SeedBaseline, SeedFinal, EfficientNetLite.Lite0, EfficientNetLite.Lite2, MobileNetV2.Width1, ResNet.Depth18, ResNet.Depth34];

    private static Layer[] SeedBlock(int filters, int kernel, Padding padding) =>
        [new Convolution(filters, kernel, Padding: padding), new Relu(), new MaxPool()];

    private static Layer[] QuickBlock(int filters, int stride) =>
        [new Convolution(filters, 3, stride, Bias: false), new BatchNormalization(), new Relu()];
}
