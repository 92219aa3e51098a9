using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Who goes where: pure functions of hashes, so that anybody can draw again and gets the same.</summary>
internal static class SplitDraw
{
    private const int TrainBelow = 70;
    private const int ValidationBelow = 85;
    private const string ReproductionSeed = "123";

    /// <summary>
    /// The split of a lesion group: SHA-256 of the 32 raw bytes of the smallest image SHA-256 of the group (bytewise), the whole
    /// digest read as an unsigned big-endian number, mod 100; below 70 train, below 85 validation, else test.
    /// </summary>
    public static Split OfGroup(ReadOnlySpan<byte> smallestImageSha256) => Number(smallestImageSha256, 100) switch
    {
        < TrainBelow => Split.Train,
        < ValidationBelow => Split.Validation,
        _ => Split.Test,
    };

    /// <summary>The number that a lesion group draws, from 0: SHA-256 of its smallest image SHA-256, the whole digest read as an unsigned big-endian number, mod how many there are.</summary>
    public static int Number(ReadOnlySpan<byte> smallestImageSha256, int count)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(smallestImageSha256, digest);
        return (int)(new BigInteger(digest, isUnsigned: true, isBigEndian: true) % count);
    }

    /// <summary>Order in which files of the Train folder become validation in a reproduction: hexadecimal SHA-256 of "123" and the path, UTF-8.</summary>
    public static string ReproductionOrder(string path) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(ReproductionSeed + path)));

    /// <summary>How many of the files of the Train folder are validation in a reproduction: a fifth, rounded down.</summary>
    public static int ReproductionValidation(int files) => files / 5;
}
