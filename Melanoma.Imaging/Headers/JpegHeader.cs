using System.Buffers.Binary;

namespace Melanoma.Imaging.Headers;

/// <summary>JPEG markers (ITU-T T.81, annex B).</summary>
internal static class JpegHeader
{
    // A file of many scans over a large picture is a known way to burn hours; real progressive files have about ten.
    private const int MaxScans = 100;

    private const byte StartOfImage = 0xD8;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;
    private const byte App1 = 0xE1;

    public static ReadOnlySpan<byte> Start => [0xFF, StartOfImage];

    public static HeaderReading Read(ReadOnlySpan<byte> bytes)
    {
        var at = 2;
        var orientation = 0;
        while (NextMarker(bytes, ref at) is var marker && marker >= 0)
        {
            if (IsAlone(marker))
                continue;
            if (marker is StartOfImage or EndOfImage or StartOfScan)
                return HeaderReading.Corrupt("The JPEG file has picture data or an end before it has said the picture's size.");
            if (!TryReadSegment(bytes, ref at, out var segment, out var ends))
                return ends ? HeaderReading.Truncated() : HeaderReading.Corrupt("A segment of the JPEG file has an impossible length.");
            if (marker == App1 && orientation == 0 && segment.StartsWith("Exif\0\0"u8))
                orientation = ExifOrientation.Read(segment[6..]);
            if (IsFrame(marker))
                return ReadFrame(marker, segment, orientation == 0 ? 1 : orientation);
        }

        return HeaderReading.Truncated();
    }

    /// <summary>Walks all scans to the end marker: null where the file is whole.</summary>
    public static ImageRefusal? CheckWhole(ReadOnlySpan<byte> bytes)
    {
        var at = 2;
        var frames = 0;
        var scans = 0;
        while (NextMarker(bytes, ref at) is var marker && marker >= 0)
        {
            if (IsAlone(marker))
                continue;
            if (marker == EndOfImage)
                return scans > 0 ? null : new(ImageRefusalReason.Corrupt, "The JPEG file ends without any picture data.");
            if (marker == StartOfImage || (IsFrame(marker) && ++frames > 1))
                return new(ImageRefusalReason.Corrupt, "The JPEG file begins a second picture inside the first.");
            if (!TryReadSegment(bytes, ref at, out _, out var ends))
                return ends ? Truncated.Refusal : new(ImageRefusalReason.Corrupt, "A segment of the JPEG file has an impossible length.");
            if (marker == StartOfScan && ++scans > MaxScans)
                return new(ImageRefusalReason.Corrupt, $"The JPEG file has more than {MaxScans} scans, which no camera writes.");
        }

        return Truncated.Refusal;
    }

    // Skips what a decoder skips: bytes that are no marker, fill bytes and stuffed zeros.
    internal static int NextMarker(ReadOnlySpan<byte> bytes, ref int at)
    {
        while (at < bytes.Length)
        {
            var step = bytes[at..].IndexOf((byte)0xFF);
            if (step < 0)
                break;
            at += step + 1;
            while (at < bytes.Length && bytes[at] == 0xFF)
                at++;
            if (at >= bytes.Length)
                break;
            var marker = bytes[at++];
            if (marker != 0)
                return marker;
        }

        at = bytes.Length;
        return -1;
    }

    internal static bool TryReadSegment(ReadOnlySpan<byte> bytes, ref int at, out ReadOnlySpan<byte> segment, out bool ends)
    {
        segment = default;
        ends = bytes.Length - at < 2;
        if (ends)
            return false;
        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
        if (length < 2)
            return false;
        ends = bytes.Length - at < length;
        if (ends)
            return false;
        segment = bytes.Slice(at + 2, length - 2);
        at += length;
        return true;
    }

    private static HeaderReading ReadFrame(int marker, ReadOnlySpan<byte> segment, int orientation)
    {
        if (segment.Length < 6)
            return HeaderReading.Corrupt("The frame header of the JPEG file is too short.");
        if (marker > 0xC2)
            return HeaderReading.Unsupported("This kind of JPEG (lossless, hierarchical or arithmetic) is not taken. Save it as ordinary JPEG or PNG.");
        int bits = segment[0], height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        int components = segment[5];
        if (bits != 8)
            return HeaderReading.Unsupported($"JPEG with {bits} bits a component is not taken. Save it with 8 bits, or as 16-bit PNG.");
        if (width == 0 || height == 0)
            return HeaderReading.Corrupt("The JPEG header gives the picture no width or no height.");
        if (components is not (1 or 3 or 4))
            return HeaderReading.Unsupported($"JPEG with {components} components is not taken. Save it as ordinary colour JPEG.");
        return segment.Length != 6 + (3 * components)
            ? HeaderReading.Corrupt("The frame header of the JPEG file contradicts its number of components.")
            : new ImageHeader(ImageFormat.Jpeg, width, height, components, bits, orientation);
    }

    internal static bool IsAlone(int marker) => marker is 0x01 or (>= 0xD0 and <= 0xD7);

    internal static bool IsFrame(int marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);
}
