using System.Buffers.Binary;
using System.IO.Compression;

namespace Melanoma.UnitTests.Imaging;

/// <summary>Writes TIFF files of one directory.</summary>
internal sealed class HandMadeTiff
{
    public required int Width { get; init; }

    public required int Height { get; init; }

    /// <summary>The unpacked rows.</summary>
    public required byte[][] Rows { get; init; }

    public bool BigEndian { get; init; }

    public int Bits { get; init; } = 8;

    public int Samples { get; init; } = 3;

    public int Photometric { get; init; } = 2;

    public int Compression { get; init; } = 1;

    public int Predictor { get; init; } = 1;

    public int Orientation { get; init; } = 1;

    public int? ExtraSample { get; init; }

    public int RowsPerStrip { get; init; } = int.MaxValue;

    public int[]? ColourMap { get; init; }

    public byte[] Write()
    {
        var file = new List<byte>(BigEndian ? [.. "MM\0*"u8] : "II*\0"u8.ToArray()) { 0, 0, 0, 0 };
        var strips = Rows.Chunk(Math.Min(RowsPerStrip, Height)).Select(rows => Pack([.. rows.SelectMany(row => row)])).ToArray();
        var offsets = new List<int>();
        foreach (var strip in strips)
        {
            offsets.Add(file.Count);
            file.AddRange(strip);
        }

        var fields = new SortedDictionary<int, int[]>
        {
            [256] = [Width],
            [257] = [Height],
            [258] = [.. Enumerable.Repeat(Bits, Samples)],
            [259] = [Compression],
            [262] = [Photometric],
            [273] = [.. offsets],
            [274] = [Orientation],
            [277] = [Samples],
            [278] = [Math.Min(RowsPerStrip, Height)],
            [279] = [.. strips.Select(s => s.Length)],
            [317] = [Predictor],
        };
        if (ExtraSample is { } extra)
            fields[338] = [extra];
        if (ColourMap is not null)
            fields[320] = ColourMap;
        var places = fields.ToDictionary(f => f.Key, f => Place(file, f.Value));
        Number(file.Count, 4).CopyTo(Patch(file, 4, 4));
        Add(file, fields.Count, 2);
        foreach (var (tag, values) in fields)
        {
            Add(file, tag, 2);
            Add(file, 4, 2);
            Add(file, values.Length, 4);
            Add(file, places[tag], 4);
        }

        Add(file, 0, 4);
        return [.. file];
    }

    private static Span<byte> Patch(List<byte> file, int at, int length) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(file).Slice(at, length);

    // A single value stands in the entry itself.
    private int Place(List<byte> file, int[] values)
    {
        if (values.Length == 1)
            return values[0];
        var at = file.Count;
        foreach (var value in values)
            Add(file, value, 4);
        return at;
    }

    private void Add(List<byte> file, int value, int size) => file.AddRange(Number(value, size));

    private byte[] Number(int value, int size)
    {
        var bytes = new byte[4];
        if (BigEndian)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            return bytes[(4 - size)..];
        }

        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes[..size];
    }

    private byte[] Pack(byte[] rows) => Compression switch
    {
        5 => Lzw(rows),
        8 => Zip(rows),
        32773 => PackBits(rows),
        _ => rows,
    };

    private static byte[] Zip(byte[] rows)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zip.Write(rows);
        return packed.ToArray();
    }

    private static byte[] PackBits(byte[] rows)
    {
        var packed = new List<byte>();
        for (var at = 0; at < rows.Length;)
        {
            var run = 1;
            while (at + run < rows.Length && run < 128 && rows[at + run] == rows[at])
                run++;
            if (run > 1)
            {
                packed.AddRange([(byte)(257 - run), rows[at]]);
            }
            else
            {
                packed.AddRange([0, rows[at]]);
            }

            at += run;
        }

        return [.. packed];
    }

    private static byte[] Lzw(byte[] rows)
    {
        var packed = new List<byte>();
        var table = new Dictionary<string, int>();
        int bits = 0, count = 0, width = 9, next = 258;

        void Emit(int code)
        {
            bits = (bits << width) | code;
            for (count += width; count >= 8; count -= 8)
                packed.Add((byte)(bits >> (count - 8)));
            bits &= (1 << count) - 1;
        }

        void Clear()
        {
            Emit(256);
            table.Clear();
            for (var i = 0; i < 256; i++)
                table[((char)i).ToString()] = i;
            (width, next) = (9, 258);
        }

        Clear();
        var known = string.Empty;
        foreach (var value in rows)
        {
            var longer = known + (char)value;
            if (table.ContainsKey(longer))
            {
                known = longer;
                continue;
            }

            Emit(table[known]);
            table[longer] = next++;
            if (next == (1 << width))
                width++;
            known = ((char)value).ToString();
            if (next == 4094)
            {
                Emit(table[known]);
                known = string.Empty;
                Clear();
            }
        }

        if (known.Length > 0)
            Emit(table[known]);
        Emit(257);
        Emit(0);
        return [.. packed];
    }
}
