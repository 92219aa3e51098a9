using Melanoma.Training.Networks;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.Embeddings;

/// <summary>Opens the network by which the pictures of a run's dataset are compared: off-the-shelf weights where they are set, else what the run trained.</summary>
internal sealed class RunEmbedder(IOptions<TrainingOptions> options)
{
    /// <summary>The side, in pixels, at which the searches were measured.</summary>
    private const int FrozenSide = 180;

    /// <exception cref="IOException">The file of weights cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged or of another network.</exception>
    public async Task<PictureEmbedder> OpenAsync(
        NetworkDescription trained, IReadOnlyDictionary<string, Weight> weights, CancellationToken cancellationToken)
    {
        if (options.Value.InitialWeights is { } path)
        {
            return PictureEmbedder.EfficientNet(EfficientNetLite.Lite0 with { InputSize = FrozenSide }, await File.ReadAllBytesAsync(path, cancellationToken));
        }

        return new PictureEmbedder(trained, weights, TextureLayersOf(trained));
    }

    /// <summary>Where a network shows texture: the last layer of each scale from a quarter to a sixteenth of the picture, or the first layer if it has none.</summary>
    public static IReadOnlyCollection<int> TextureLayersOf(NetworkDescription description)
    {
        if (EfficientNetLite.Describes(description))
        {
            return PictureEmbedder.TextureLayersOf(description);
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
