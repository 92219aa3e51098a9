namespace Melanoma.Imaging;

/// <summary>The eight views of a square picture: rows and columns are exchanged or not, then it is mirrored top-bottom or not and left-right or not.</summary>
public static class SquareSymmetry
{
    /// <summary>How many there are.</summary>
    public const int Count = 8;

    private const int Channels = 3;

    /// <summary>Whether a view exchanges rows and columns, before it mirrors.</summary>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    public static bool Exchanges(int view) => (view & 4) != 0;

    /// <summary>Whether a view mirrors top-bottom.</summary>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    public static bool MirrorsRows(int view) => (view & 2) != 0;

    /// <summary>Whether a view mirrors left-right.</summary>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    public static bool MirrorsColumns(int view) => (view & 1) != 0;

    /// <summary>One view.</summary>
    /// <param name="pixels">side x side x 3 bytes; not changed.</param>
    /// <param name="side">Pixels to a side.</param>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    public static byte[] Apply(byte[] pixels, int side, int view)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (view == 0)
            return pixels;
        var result = new byte[pixels.Length];
        Apply(pixels, side, view, result);
        return result;
    }

    /// <summary>Writes one view.</summary>
    /// <param name="pixels">side x side x 3 bytes.</param>
    /// <param name="side">Pixels to a side.</param>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    /// <param name="destination">Receives as many bytes.</param>
    /// <exception cref="ArgumentException">The length of one does not match the side.</exception>
    public static void Apply(ReadOnlySpan<byte> pixels, int side, int view, Span<byte> destination)
    {
        if (pixels.Length != side * side * Channels || destination.Length != pixels.Length)
            throw new ArgumentException($"A square of {side} x {side} has {side * side * Channels} bytes, not {pixels.Length} or {destination.Length}.", nameof(pixels));
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var (fromX, fromY) = (MirrorsColumns(view) ? side - 1 - x : x, MirrorsRows(view) ? side - 1 - y : y);
                var from = Exchanges(view) ? (fromX * side) + fromY : (fromY * side) + fromX;
                pixels.Slice(from * Channels, Channels).CopyTo(destination[(((y * side) + x) * Channels)..]);
            }
        }
    }
}
