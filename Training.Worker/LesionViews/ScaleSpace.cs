using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LesionViews;

/// <summary>One octave of Lowe's scale space (2004): ever more blurred pictures of one size, and the differences of neighbours.</summary>
internal sealed class ScaleSpace
{
    /// <summary>Blur of the first picture of an octave, in its pixels.</summary>
    public const double BaseSigma = 1.6;

    /// <summary>Steps in which the blur doubles.</summary>
    public const int Steps = 3;

    private const double CameraSigma = 0.5;
    private const int SmallestSide = 16;

    private ScaleSpace(float[] first, int width, int height)
    {
        (Width, Height) = (width, height);
        Blurred = new float[Steps + 3][];
        Differences = new float[Steps + 2][];
        Blurred[0] = first;
        for (var step = 1; step < Blurred.Length; step++)
        {
            var (before, after) = (SigmaAt(step - 1), SigmaAt(step));
            Blurred[step] = Blur(Blurred[step - 1], width, height, Math.Sqrt((after * after) - (before * before)));
            var difference = new float[first.Length];
            for (var i = 0; i < difference.Length; i++)
            {
                difference[i] = Blurred[step][i] - Blurred[step - 1][i];
            }

            Differences[step - 1] = difference;
        }
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>Pictures of blur <see cref="SigmaAt"/>(0), (1), ..., row by row.</summary>
    public float[][] Blurred { get; }

    /// <summary>Each blurred picture but the first, less the one before it.</summary>
    public float[][] Differences { get; }

    /// <summary>Blur in pixels of the octave.</summary>
    public static double SigmaAt(double step) => BaseSigma * Math.Pow(2, step / Steps);

    /// <summary>The octaves of a picture, each of half the side of the one before.</summary>
    /// <param name="light">Brightness 0-1, row by row.</param>
    public static IEnumerable<ScaleSpace> Octaves(float[] light, int width, int height)
    {
        var first = Blur(light, width, height, Math.Sqrt((BaseSigma * BaseSigma) - (CameraSigma * CameraSigma)));
        while (Math.Min(width, height) >= SmallestSide)
        {
            var octave = new ScaleSpace(first, width, height);
            yield return octave;
            (first, width, height) = (Halve(octave.Blurred[Steps], width, height), width / 2, height / 2);
        }
    }

    private static float[] Halve(float[] picture, int width, int height)
    {
        var half = new float[width / 2 * (height / 2)];
        for (var y = 0; y < height / 2; y++)
        {
            for (var x = 0; x < width / 2; x++)
            {
                half[(y * (width / 2)) + x] = picture[(2 * y * width) + (2 * x)];
            }
        }

        return half;
    }

    /// <summary>A Gaussian of up to four sigma to each side; what lies beyond the edge equals the edge.</summary>
    private static float[] Blur(float[] picture, int width, int height, double sigma)
    {
        var radius = (int)Math.Ceiling(4 * sigma);
        var kernel = new float[(2 * radius) + 1];
        for (var i = 0; i < kernel.Length; i++)
        {
            kernel[i] = (float)Math.Exp(-Math.Pow(i - radius, 2) / (2 * sigma * sigma));
        }

        var sum = kernel.Sum();
        for (var i = 0; i < kernel.Length; i++)
        {
            kernel[i] /= sum;
        }

        var rows = new float[picture.Length];
        var padded = new float[width + (2 * radius)];
        for (var y = 0; y < height; y++)
        {
            var row = picture.AsSpan(y * width, width);
            padded.AsSpan(0, radius).Fill(row[0]);
            row.CopyTo(padded.AsSpan(radius));
            padded.AsSpan(radius + width).Fill(row[^1]);
            for (var i = 0; i < kernel.Length; i++)
            {
                Vectors.AddScaled(rows.AsSpan(y * width, width), padded.AsSpan(i, width), kernel[i]);
            }
        }

        var result = new float[picture.Length];
        for (var y = 0; y < height; y++)
        {
            for (var i = 0; i < kernel.Length; i++)
            {
                var from = Math.Clamp(y + i - radius, 0, height - 1);
                Vectors.AddScaled(result.AsSpan(y * width, width), rows.AsSpan(from * width, width), kernel[i]);
            }
        }

        return result;
    }
}
