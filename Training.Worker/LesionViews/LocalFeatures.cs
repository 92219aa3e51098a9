using Melanoma.Imaging;

namespace Melanoma.Training.LesionViews;

/// <summary>A place of a picture that can be found again when the picture is turned, shifted or scaled.</summary>
/// <param name="X">From the left, in pixels of the frame.</param>
/// <param name="Y">From the top, in pixels of the frame.</param>
/// <param name="Scale">Size of the structure, in pixels of the frame.</param>
/// <param name="Angle">Direction of the steepest rise in brightness, in radians.</param>
internal readonly record struct Keypoint(float X, float Y, float Scale, float Angle);

/// <summary>
/// The keypoints of a picture and what they look like (Lowe 2004, "SIFT"; compared by the Hellinger kernel as in Arandjelovic and Zisserman 2012).
/// </summary>
/// <param name="Keypoints">The strongest first.</param>
/// <param name="Descriptors">For each keypoint <see cref="DescriptorLength"/> numbers whose squares sum to about 1, in units of 1 / 512.</param>
internal sealed record LocalFeatures(IReadOnlyList<Keypoint> Keypoints, byte[] Descriptors)
{
    /// <summary>4 x 4 cells of 8 directions.</summary>
    public const int DescriptorLength = 128;

    /// <summary>Longer side of the frame that every picture is brought to, in pixels.</summary>
    public const int FrameSide = 400;

    private const int MostKeypoints = 300;
    private const float DescriptorUnit = 512;
    private const float LeastContrast = 0.01f;
    private const float LargestEdgeRatio = 20;

    public int Count => Keypoints.Count;

    /// <summary>The descriptors as numbers of 0-1.</summary>
    public float[] DescriptorValues() => Array.ConvertAll(Descriptors, value => value / DescriptorUnit);

    /// <summary>Finds them. The result depends on the picture alone.</summary>
    public static LocalFeatures Of(RgbImage picture)
    {
        var longer = Math.Max(picture.Width, picture.Height);
        var width = Math.Max(1, (int)Math.Round((double)picture.Width * FrameSide / longer));
        var height = Math.Max(1, (int)Math.Round((double)picture.Height * FrameSide / longer));
        var pixels = AreaFilter.Resize(picture, width, height).Pixels;
        var light = new float[width * height];
        for (var i = 0; i < light.Length; i++)
        {
            light[i] = ((0.299f * pixels[3 * i]) + (0.587f * pixels[(3 * i) + 1]) + (0.114f * pixels[(3 * i) + 2])) / 255;
        }

        var octaves = ScaleSpace.Octaves(light, width, height).ToList();
        var strongest = octaves.SelectMany(Extrema).OrderByDescending(extremum => extremum.Strength).Take(MostKeypoints).ToList();
        var keypoints = new List<Keypoint>();
        var descriptors = new List<byte>();
        foreach (var extremum in strongest)
        {
            var gradients = new KeypointGradients(octaves[extremum.Octave], extremum.Step);
            var zoom = 1 << extremum.Octave;
            foreach (var angle in gradients.MainDirections(extremum.X, extremum.Y))
            {
                if (keypoints.Count < MostKeypoints)
                {
                    keypoints.Add(new(extremum.X * zoom, extremum.Y * zoom, (float)ScaleSpace.SigmaAt(extremum.Step) * zoom, angle));
                    var descriptor = gradients.Describe(extremum.X, extremum.Y, angle);
                    descriptors.AddRange(descriptor.Select(value => (byte)Math.Min(byte.MaxValue, MathF.Round(value * DescriptorUnit))));
                }
            }
        }

        return new LocalFeatures(keypoints, [.. descriptors]);
    }

    /// <summary>Places that are brighter or darker than all 26 neighbours in place and scale, and no edges.</summary>
    private static IEnumerable<Extremum> Extrema(ScaleSpace octave, int index)
    {
        for (var step = 1; step <= ScaleSpace.Steps; step++)
        {
            for (var y = 1; y < octave.Height - 1; y++)
            {
                for (var x = 1; x < octave.Width - 1; x++)
                {
                    var strength = Math.Abs(octave.Differences[step][(y * octave.Width) + x]);
                    if (strength * ScaleSpace.Steps > LeastContrast && IsExtreme(octave, step, x, y) && !IsEdge(octave, step, x, y))
                    {
                        yield return new Extremum(index, step, x, y, strength);
                    }
                }
            }
        }
    }

    private static bool IsExtreme(ScaleSpace octave, int step, int x, int y)
    {
        var (width, at) = (octave.Width, (y * octave.Width) + x);
        var sign = octave.Differences[step][at] < 0 ? -1 : 1;
        var value = sign * octave.Differences[step][at];
        for (var layer = step - 1; layer <= step + 1; layer++)
        {
            var values = octave.Differences[layer];
            for (var row = at - width; row <= at + width; row += width)
            {
                if (sign * values[row - 1] > value || sign * values[row] > value || sign * values[row + 1] > value)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool IsEdge(ScaleSpace octave, int step, int x, int y)
    {
        var (d, width, at) = (octave.Differences[step], octave.Width, (y * octave.Width) + x);
        var xx = d[at - 1] + d[at + 1] - (2 * d[at]);
        var yy = d[at - width] + d[at + width] - (2 * d[at]);
        var xy = (d[at + width + 1] - d[at + width - 1] - d[at - width + 1] + d[at - width - 1]) / 4;
        var (trace, determinant) = (xx + yy, (xx * yy) - (xy * xy));
        return determinant <= 0 || trace * trace * LargestEdgeRatio >= (LargestEdgeRatio + 1) * (LargestEdgeRatio + 1) * determinant;
    }

    private readonly record struct Extremum(int Octave, int Step, int X, int Y, float Strength);
}
