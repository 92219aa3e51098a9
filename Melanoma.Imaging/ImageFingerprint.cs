using System.Numerics;
using System.Security.Cryptography;

namespace Melanoma.Imaging;

/// <summary>Fingerprints of files and of pictures.</summary>
public static class ImageFingerprint
{
    private const int Grid = 32;
    private const int Kept = 8;

    /// <summary>SHA-256 of the file, 32 bytes.</summary>
    /// <param name="bytes">The file as it was delivered.</param>
    public static byte[] Sha256(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes);

    /// <summary>SHA-256 of the file, 64 lower-case hexadecimal digits.</summary>
    /// <param name="bytes">The file as it was delivered.</param>
    public static string Sha256Hex(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return Convert.ToHexStringLower(hash);
    }

    /// <summary>
    /// A 64-bit hash of what the picture looks like: the signs of the 8 x 8 lowest frequencies of a discrete cosine transform (type II) of the
    /// picture at 32 x 32 in grey, against their median without the constant term. Nearly the same for a re-scaled or re-compressed picture; blind to turned, mirrored and cropped ones.
    /// </summary>
    /// <param name="image">The upright picture.</param>
    /// <returns>Row by row, lowest frequency in the highest bit.</returns>
    public static ulong PerceptualHash(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Span<byte> small = stackalloc byte[Grid * Grid * 3];
        AreaFilter.Resize(image.Pixels, image.Width, image.Height, 3, small, Grid, Grid);
        Span<double> waves = stackalloc double[Kept * Grid];
        for (var k = 0; k < Kept; k++)
        {
            for (var i = 0; i < Grid; i++)
                waves[(k * Grid) + i] = ExactMath.SinCos((((2 * i) + 1) * k * 180 % (720 * Grid)) / (2.0 * Grid)).Cos;
        }

        Span<double> partial = stackalloc double[Grid * Kept];
        for (var y = 0; y < Grid; y++)
        {
            for (var k = 0; k < Kept; k++)
            {
                double sum = 0;
                for (var x = 0; x < Grid; x++)
                    sum += Luma.Of(small[(((y * Grid) + x) * 3)..]) * waves[(k * Grid) + x];
                partial[(y * Kept) + k] = sum;
            }
        }

        Span<double> frequencies = stackalloc double[Kept * Kept];
        for (var v = 0; v < Kept; v++)
        {
            for (var u = 0; u < Kept; u++)
            {
                double sum = 0;
                for (var y = 0; y < Grid; y++)
                    sum += partial[(y * Kept) + u] * waves[(v * Grid) + y];
                frequencies[(v * Kept) + u] = sum;
            }
        }

        Span<double> sorted = stackalloc double[(Kept * Kept) - 1];
        frequencies[1..].CopyTo(sorted);
        sorted.Sort();
        var median = sorted[sorted.Length / 2];
        ulong hash = 0;
        foreach (var frequency in frequencies)
            hash = (hash << 1) | (frequency > median ? 1UL : 0UL);
        return hash;
    }

    /// <summary>How many of the 64 bits differ.</summary>
    /// <param name="a">One perceptual hash.</param>
    /// <param name="b">Another.</param>
    public static int Distance(ulong a, ulong b) => BitOperations.PopCount(a ^ b);
}
