using Melanoma.Imaging.Headers;

namespace Melanoma.Imaging.Tiff;

/// <summary>The fields of the first directory (TIFF 6.0) that say how the pixels are stored.</summary>
internal sealed record TiffDirectory
{
    private const int MaxEntries = 4096;

    // A tile is unpacked whole; writers use 64 to 1024.
    private const int MaxTileSide = 2048;

    public int Width { get; private init; }

    public int Height { get; private init; }

    public int Bits { get; private init; }

    public int Samples { get; private init; }

    public TiffCompression Compression { get; private init; }

    public TiffPhotometric Photometric { get; private init; }

    public bool HasPredictor { get; private init; }

    public bool IsBigEndian { get; private init; }

    /// <summary>0 none or unknown, 1 premultiplied, 2 plain alpha behind the colours.</summary>
    public int Alpha { get; private init; }

    /// <summary>Width of a strip or tile.</summary>
    public int PieceWidth { get; private init; }

    /// <summary>Height of a strip or tile.</summary>
    public int PieceHeight { get; private init; }

    public TiffField Offsets { get; private init; }

    public TiffField ByteCounts { get; private init; }

    public TiffField ColourMap { get; private init; }

    public int Colours => Photometric switch { TiffPhotometric.Rgb => 3, TiffPhotometric.Cmyk => 4, _ => 1 };

    public int BytesPerRow => checked((int)((((long)PieceWidth * Samples * Bits) + 7) / 8));

    public static HeaderReading Read(ReadOnlySpan<byte> bytes, out TiffDirectory? directory)
    {
        directory = null;
        if (bytes.StartsWith("II+\0"u8) || bytes.StartsWith("MM\0+"u8))
            return HeaderReading.Unsupported("BigTIFF is not taken. Save the picture as ordinary TIFF or PNG.");
        if (bytes.Length < 8 || !TiffBytes.TryOpen(bytes, out var reader, out var at) || !reader.TryUInt16(at, out var count))
            return HeaderReading.Truncated();
        if (count is 0 or > MaxEntries)
            return HeaderReading.Corrupt("The TIFF file has an impossible directory.");

        var fields = new Dictionary<ushort, TiffField>();
        for (var i = 0; i < count; i++)
        {
            if (!TiffField.TryRead(reader, at + 2 + (12L * i), out var tag, out var field))
                return HeaderReading.Truncated();
            fields.TryAdd(tag, field);
        }

        // Where the next directory is stands behind the last field, also when there is none.
        if (!reader.TryUInt32(at + 2 + (12L * count), out _))
            return HeaderReading.Truncated();
        return Understand(bytes, reader, fields, out directory);
    }

    private static HeaderReading Understand(ReadOnlySpan<byte> bytes, in TiffBytes reader, Dictionary<ushort, TiffField> fields, out TiffDirectory? directory)
    {
        directory = null;
        long width = fields.One(reader, TiffTag.Width, 0), height = fields.One(reader, TiffTag.Height, 0);
        if (width is <= 0 or > int.MaxValue || height is <= 0 or > int.MaxValue)
            return HeaderReading.Corrupt("The TIFF header gives the picture no possible size.");
        var samples = fields.One(reader, TiffTag.SamplesPerPixel, 1);
        var photometric = (TiffPhotometric)fields.One(reader, TiffTag.Photometric, long.MaxValue);
        var compression = (TiffCompression)fields.One(reader, TiffTag.Compression, 1);
        if (!AllBits(reader, fields, samples, out var bits))
            return HeaderReading.Unsupported("TIFF whose colours have different bit depths is not taken. Save it with 8 bits, or as PNG.");

        var colours = photometric switch
        {
            TiffPhotometric.Rgb => 3,
            TiffPhotometric.Cmyk => 4,
            TiffPhotometric.WhiteIsZero or TiffPhotometric.BlackIsZero or TiffPhotometric.Palette => 1,
            _ => 0,
        };
        if (compression is not (TiffCompression.None or TiffCompression.Lzw or TiffCompression.Deflate or TiffCompression.OldDeflate or TiffCompression.PackBits))
            return HeaderReading.Unsupported($"TIFF with compression {(long)compression} is not taken. Save it with LZW, Deflate or no compression, or as PNG.");
        var depthFits = bits == 8 || (bits == 16 && photometric != TiffPhotometric.Palette) || (bits is 1 or 4 && samples == 1 && colours == 1);
        if (colours == 0 || samples < colours || samples > colours + 2 || !depthFits || fields.One(reader, TiffTag.SampleFormat, 1) != 1)
            return HeaderReading.Unsupported("TIFF with these colours is not taken. Save it as 8-bit RGB TIFF, or as PNG.");
        if ((samples > 1 && fields.One(reader, TiffTag.PlanarConfiguration, 1) != 1) || fields.One(reader, TiffTag.FillOrder, 1) != 1)
            return HeaderReading.Unsupported("TIFF with separate colour planes or reversed bits is not taken. Save it as interleaved TIFF, or as PNG.");
        var predictor = fields.One(reader, TiffTag.Predictor, 1);
        if (predictor is not (1 or 2) || (predictor == 2 && bits is not (8 or 16)))
            return HeaderReading.Unsupported("TIFF with this predictor is not taken. Save it without, or as PNG.");

        var tiled = fields.ContainsKey(TiffTag.TileWidth);
        var pieceWidth = tiled ? fields.One(reader, TiffTag.TileWidth, 0) : width;
        var pieceHeight = tiled ? fields.One(reader, TiffTag.TileHeight, 0) : Math.Min(height, fields.One(reader, TiffTag.RowsPerStrip, height));
        if (pieceWidth <= 0 || pieceHeight <= 0)
            return HeaderReading.Corrupt("The TIFF file is cut into pieces of no size.");
        if (tiled && (pieceWidth > MaxTileSide || pieceHeight > MaxTileSide))
            return HeaderReading.Unsupported($"TIFF with tiles above {MaxTileSide} pixels is not taken. Save it as ordinary TIFF, or as PNG.");

        if (!fields.TryGetValue(tiled ? TiffTag.TileOffsets : TiffTag.StripOffsets, out var offsets)
            || !fields.TryGetValue(tiled ? TiffTag.TileByteCounts : TiffTag.StripByteCounts, out var byteCounts))
            return HeaderReading.Corrupt("The TIFF file does not say where its pixels are.");
        if (!fields.TryGetValue(TiffTag.ColourMap, out var colourMap) && photometric == TiffPhotometric.Palette)
            return HeaderReading.Corrupt("The TIFF file has no palette for its colours.");

        var extra = samples > colours ? fields.One(reader, TiffTag.ExtraSamples, 0) : 0;
        directory = new TiffDirectory
        {
            Width = (int)width,
            Height = (int)height,
            Bits = bits,
            Samples = (int)samples,
            Compression = compression,
            Photometric = photometric,
            HasPredictor = predictor == 2 && compression is not (TiffCompression.None or TiffCompression.PackBits),
            IsBigEndian = reader.IsBigEndian,
            Alpha = extra is 1 or 2 ? (int)extra : 0,
            PieceWidth = (int)pieceWidth,
            PieceHeight = (int)pieceHeight,
            Offsets = offsets,
            ByteCounts = byteCounts,
            ColourMap = colourMap,
        };
        var orientation = fields.One(reader, TiffTag.Orientation, 1);
        return new ImageHeader(
            ImageFormat.Tiff, (int)width, (int)height, (int)samples, bits, orientation is >= 1 and <= 8 ? (int)orientation : 1, directory.Alpha != 0);
    }

    private static bool AllBits(in TiffBytes reader, Dictionary<ushort, TiffField> fields, long samples, out int bits)
    {
        bits = 1;
        if (!fields.TryGetValue(TiffTag.BitsPerSample, out var field))
            return true;
        for (var i = 0; i < Math.Min(field.Count, Math.Min(samples, 8)); i++)
        {
            if (!field.TryGet(reader, i, out var value) || value > 64 || (i > 0 && value != bits))
                return false;
            bits = (int)value;
        }

        return true;
    }
}
