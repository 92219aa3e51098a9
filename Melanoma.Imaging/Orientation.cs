namespace Melanoma.Imaging;

/// <summary>EXIF orientations 1 to 8 applied to pixels of 3 bytes.</summary>
internal static class Orientation
{
    /// <summary>Writes the picture upright; source and destination must not overlap.</summary>
    /// <param name="source">Stored pixels, height x width x <paramref name="channels"/>.</param>
    /// <param name="width">Stored width.</param>
    /// <param name="height">Stored height.</param>
    /// <param name="channels">3 or 4 bytes a stored pixel; the fourth is passed over.</param>
    /// <param name="orientation">EXIF orientation.</param>
    /// <param name="destination">Upright pixels of 3 bytes.</param>
    public static void Apply(ReadOnlySpan<byte> source, int width, int height, int channels, int orientation, Span<byte> destination)
    {
        // Where stored pixel (x, y) goes: start + x * right + y * down, in pixels.
        var (start, right, down) = orientation switch
        {
            2 => (width - 1, -1, width),
            3 => ((width * height) - 1, -1, -width),
            4 => ((height - 1) * width, 1, -width),
            5 => (0, height, 1),
            6 => (height - 1, height, -1),
            7 => ((width * height) - 1, -height, -1),
            8 => ((width - 1) * height, -height, 1),
            _ => (0, 1, width),
        };
        for (var y = 0; y < height; y++)
        {
            var row = source.Slice(y * width * channels, width * channels);
            var to = start + (y * down);
            for (var at = 0; at < row.Length; at += channels, to += right)
            {
                destination[3 * to] = row[at];
                destination[(3 * to) + 1] = row[at + 1];
                destination[(3 * to) + 2] = row[at + 2];
            }
        }
    }
}
