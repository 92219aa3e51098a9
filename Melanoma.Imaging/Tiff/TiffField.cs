namespace Melanoma.Imaging.Tiff;

/// <summary>An entry of a directory: where its values are. Only whole numbers of 1, 2 and 4 bytes are read.</summary>
/// <param name="At">Position of the first value in the file.</param>
/// <param name="Count">Number of values.</param>
/// <param name="Size">Bytes of a value; 0 where the type is no whole number.</param>
internal readonly record struct TiffField(long At, uint Count, int Size)
{
    public static bool TryRead(in TiffBytes reader, long entry, out ushort tag, out TiffField field)
    {
        field = default;
        if (!reader.TryUInt16(entry, out tag) || !reader.TryUInt16(entry + 2, out var type) || !reader.TryUInt32(entry + 4, out var count)
            || !reader.TryUInt32(entry + 8, out var offset))
            return false;
        var size = type switch { 1 => 1, 3 => 2, 4 => 4, _ => 0 };
        field = new((long)size * count <= 4 ? entry + 8 : offset, count, size);
        return true;
    }

    public bool TryGet(in TiffBytes reader, long index, out long value)
    {
        value = 0;
        if (index < 0 || index >= Count)
            return false;
        var at = At + (index * Size);
        switch (Size)
        {
            case 1 when reader.TryByte(at, out var small):
                value = small;
                return true;
            case 2 when reader.TryUInt16(at, out var middle):
                value = middle;
                return true;
            case 4 when reader.TryUInt32(at, out var large):
                value = large;
                return true;
            default:
                return false;
        }
    }
}

internal static class TiffFields
{
    /// <summary>The first value of a field, or what stands for it where it is missing or unreadable.</summary>
    public static long One(this Dictionary<ushort, TiffField> fields, in TiffBytes reader, ushort tag, long otherwise) =>
        fields.TryGetValue(tag, out var field) && field.TryGet(reader, 0, out var value) ? value : otherwise;
}

internal static class TiffTag
{
    public const ushort Width = 256;
    public const ushort Height = 257;
    public const ushort BitsPerSample = 258;
    public const ushort Compression = 259;
    public const ushort Photometric = 262;
    public const ushort FillOrder = 266;
    public const ushort StripOffsets = 273;
    public const ushort Orientation = 274;
    public const ushort SamplesPerPixel = 277;
    public const ushort RowsPerStrip = 278;
    public const ushort StripByteCounts = 279;
    public const ushort PlanarConfiguration = 284;
    public const ushort Predictor = 317;
    public const ushort ColourMap = 320;
    public const ushort TileWidth = 322;
    public const ushort TileHeight = 323;
    public const ushort TileOffsets = 324;
    public const ushort TileByteCounts = 325;
    public const ushort ExtraSamples = 338;
    public const ushort SampleFormat = 339;
}

internal enum TiffCompression : long
{
    None = 1,
    Lzw = 5,
    Deflate = 8,
    PackBits = 32773,
    OldDeflate = 32946,
}

internal enum TiffPhotometric : long
{
    WhiteIsZero = 0,
    BlackIsZero = 1,
    Rgb = 2,
    Palette = 3,
    Cmyk = 5,
}
