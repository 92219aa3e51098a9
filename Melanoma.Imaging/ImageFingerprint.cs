using System.Security.Cryptography;

namespace Melanoma.Imaging;

/// <summary>Fingerprints of files. Those of pictures are in <see cref="NearDuplicates.PictureSignature"/>.</summary>
public static class ImageFingerprint
{
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
}
