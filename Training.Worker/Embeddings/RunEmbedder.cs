using Melanoma.Training.Networks;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.Embeddings;

/// <summary>Opens the network by which the pictures of a run's dataset are compared: off-the-shelf weights where they are set, else what the run trained.</summary>
internal sealed class RunEmbedder(IOptions<TrainingOptions> options)
{
    /// <summary>The side, in pixels, at which the searches were measured.</summary>
    private const int FrozenSide = 180;

    /// <summary>Of an EfficientNet-Lite.</summary>
    private static readonly int[] TextureStages = [2, 3, 4];

    /// <exception cref="IOException">The file of weights cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged or of no network of the catalogue.</exception>
    public async Task<PictureEmbedder> OpenAsync(
        NetworkDescription trained, IReadOnlyDictionary<string, Weight> weights, CancellationToken cancellationToken)
    {
        if (options.Value.InitialWeights is { } path)
        {
            var (published, known) = PublishedWeights.Recognize(await File.ReadAllBytesAsync(path, cancellationToken));
            var frozen = published with { InputSize = FrozenSide };
            return new PictureEmbedder(frozen, known, TextureLayersOf(frozen));
        }

        return new PictureEmbedder(trained, weights, TextureLayersOf(trained));
    }

    /// <summary>Where a network shows texture: the last layer of each scale from a quarter to a sixteenth of the picture, or the first layer if it has none.</summary>
    public static IReadOnlyCollection<int> TextureLayersOf(NetworkDescription description)
    {
        if (EfficientNetLite.Describes(description))
        {
            return [.. TextureStages.Select(stage => EfficientNetLite.EndOfStage(description, stage))];
        }

        var layers = new List<int>();
        var shape = description.Input;
        for (var index = 0; index < description.Layers.Length - 1; index++)
        {
            shape = shape.Behind(description.Layers[index]);
            var next = shape.Behind(description.Layers[index + 1]);
            if (!shape.IsFlat && (next.IsFlat || next.Height < shape.Height)
                && shape.Height <= description.InputSize / 4 && shape.Height >= description.InputSize / 16)
            {
                layers.Add(index);
            }
        }

        return layers.Count > 0 ? layers : [0];
    }
}
