using Melanoma.Imaging.Tiff;

namespace Melanoma.Imaging.Headers;

/// <summary>The orientation tag (274) in the first directory of an EXIF block.</summary>
internal static class ExifOrientation
{
    private const ushort Tag = 274;
    private const int MaxEntries = 1024;

    /// <summary>1 to 8, or 0 where the block says nothing that makes sense.</summary>
    public static int Read(ReadOnlySpan<byte> tiff)
    {
        if (!TiffBytes.TryOpen(tiff, out var reader, out var at) || !reader.TryUInt16(at, out var count) || count > MaxEntries)
            return 0;
        for (var i = 0; i < count; i++)
        {
            var entry = at + 2 + (12L * i);
            if (!reader.TryUInt16(entry, out var tag))
                return 0;
            if (tag == Tag)
                return reader.TryUInt16(entry + 8, out var value) && value is >= 1 and <= 8 ? value : 0;
        }

        return 0;
    }
}
