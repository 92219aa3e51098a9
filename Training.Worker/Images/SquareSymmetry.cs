using static TorchSharp.torch;

namespace Melanoma.Training.Images;

/// <summary>The eight views of a square picture.</summary>
internal static class SquareSymmetry
{
    /// <summary>How many there are.</summary>
    public const int Count = 8;

    /// <summary>One view: bit 0 mirrors left-right, bit 1 top-bottom, bit 2 exchanges rows and columns.</summary>
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
                var (fromX, fromY) = ((view & 1) == 0 ? x : side - 1 - x, (view & 2) == 0 ? y : side - 1 - y);
                var from = (view & 4) == 0 ? (fromY * side) + fromX : (fromX * side) + fromY;
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
        var seen = (view & 4) == 0 ? images : images.transpose(1, 2);
        long[] mirrored = [.. (view & 2) == 0 ? (long[])[] : [1], .. (view & 1) == 0 ? (long[])[] : [2]];
        return mirrored.Length == 0 ? seen : seen.flip(mirrored);
    }
}
