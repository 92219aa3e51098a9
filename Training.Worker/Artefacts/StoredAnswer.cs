using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Artefacts;

/// <summary>
/// A picture with what the file that serves says of it, stored with a version: a replica answers it before it answers anybody, so that the same picture has the same
/// answer on each. It is drawn, because a person's picture may have to be forgotten.
/// </summary>
/// <param name="Picture">The encoded picture.</param>
/// <param name="Probabilities">Nine, in index order.</param>
internal sealed record StoredAnswer(byte[] Picture, double[] Probabilities)
{
    private const int Channels = 3;

    /// <summary>Sizes and files as they come in practice: large and small, lossy and not.</summary>
    private static readonly (int Width, int Height, int? Quality)[] s_pictures = [(600, 450, 90), (224, 224, null), (1024, 768, 75), (200, 150, 95)];

    /// <summary>Draws the pictures and asks the file.</summary>
    /// <param name="file">The ONNX file that serves.</param>
    /// <param name="side">Of the square that it takes, in pixels.</param>
    public static IReadOnlyList<StoredAnswer> Of(byte[] file, int side)
    {
        using var session = OnnxSession.Open(file);
        var pixels = new byte[side * side * Channels];
        return [.. s_pictures.Select((kind, number) =>
        {
            var drawn = Draw(kind.Width, kind.Height, number);
            var picture = kind.Quality is { } quality ? ImageEncoder.EncodeJpeg(drawn, quality) : ImageEncoder.EncodePng(drawn);
            if (!ImageDecoder.TryDecodeToSquare(picture, side, pixels, ImageLimits.Default, out var refusal))
            {
                throw new InvalidOperationException($"A drawn picture is refused: {refusal.Message}");
            }

            using var results = session.Run([NamedOnnxValue.CreateFromTensor(ModelGraph.Images, new DenseTensor<byte>(pixels, [1, side, side, Channels]))], [ModelGraph.Probabilities]);
            return new StoredAnswer(picture, Array.ConvertAll(results[0].AsEnumerable<float>().ToArray(), probability => (double)probability));
        })];
    }

    /// <summary>A spot with an uneven border on skin.</summary>
    private static RgbImage Draw(int width, int height, int number)
    {
        var image = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (u, v) = (((2.0 * x) - width) / height, ((2.0 * y) - height) / height);
                var (radius, angle) = (Math.Sqrt((u * u) + (v * v)), Math.Atan2(v, u));
                var border = 0.45 + (0.05 * number) + (0.08 * Math.Sin((3 * angle) + number)) + (0.04 * Math.Sin((7 * angle) + (2 * number)));
                var inside = Math.Clamp((border - radius) * 12, 0, 1);
                var grain = 10 * Math.Sin((31 * u) + number) * Math.Sin((29 * v) - number);
                ReadOnlySpan<double> skin = [226, 188, 166], lesion = [120 - (18 * number), 82 - (10 * number), 70 + (8 * number)];
                var pixel = image.Pixels.Slice(((y * width) + x) * Channels, Channels);
                for (var channel = 0; channel < Channels; channel++)
                {
                    pixel[channel] = (byte)Math.Clamp(skin[channel] + (inside * (lesion[channel] - skin[channel])) + grain, 0, 255);
                }
            }
        }

        return image;
    }
}
