using static TorchSharp.torch;

namespace Melanoma.Training.Images;

/// <summary>The eight views of a square picture: rows and columns are exchanged or not, then it is mirrored top-bottom or not and left-right or not.</summary>
internal static class SquareSymmetry
{
    /// <summary>How many there are.</summary>
    public const int Count = 8;

    /// <summary>Whether a view exchanges rows and columns, before it mirrors.</summary>
    public static bool Exchanges(int view) => (view & 4) != 0;

    /// <summary>Whether a view mirrors top-bottom.</summary>
    public static bool MirrorsRows(int view) => (view & 2) != 0;

    /// <summary>Whether a view mirrors left-right.</summary>
    public static bool MirrorsColumns(int view) => (view & 1) != 0;

    /// <summary>The mean of what was said of several views.</summary>
    /// <param name="answers">A list for each view, at least one, all of one length.</param>
    public static float[] Mean(params IReadOnlyList<float[]> answers) => [.. Enumerable.Range(0, answers[0].Length).Select(i => answers.Average(answer => answer[i]))];

    /// <summary>One view.</summary>
    /// <param name="pixels">side x side x 3 bytes; not changed.</param>
    /// <param name="view">0 to 7; 0 is the picture itself.</param>
    public static byte[] Apply(byte[] pixels, int side, int view)
    {
        if (view == 0)
        {
            return pixels;
        }

        var result = new byte[pixels.Length];
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var (fromX, fromY) = (MirrorsColumns(view) ? side - 1 - x : x, MirrorsRows(view) ? side - 1 - y : y);
                var from = Exchanges(view) ? (fromX * side) + fromY : (fromY * side) + fromX;
                pixels.AsSpan(from * 3, 3).CopyTo(result.AsSpan(((y * side) + x) * 3));
            }
        }

        return result;
    }

    /// <summary>The same view of each picture of a batch.</summary>
    /// <param name="images">[N,side,side,3].</param>
    /// <param name="view">0 to 7, as above.</param>
    public static Tensor Apply(Tensor images, int view)
    {
        var seen = Exchanges(view) ? images.transpose(1, 2) : images;
        long[] mirrored = [.. MirrorsRows(view) ? [1] : (long[])[], .. MirrorsColumns(view) ? [2] : (long[])[]];
        return mirrored.Length == 0 ? seen : seen.flip(mirrored);
    }
}
