using System.Buffers.Binary;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>The images of one fold that are alike in label and in all properties.</summary>
/// <param name="Key">The codes of the properties, <see cref="PropertyCodes.Bits"/> bits each from the lowest, then 9 bits of label, then the fold.</param>
/// <param name="Count">How many images.</param>
internal readonly record struct ShortcutCell(ulong Key, int Count)
{
    private const int LabelBits = 9;

    public int Code(int property) => (int)(Key >> (PropertyCodes.Bits * property)) & ((1 << PropertyCodes.Bits) - 1);

    public DiagnosisSet Label(int properties) => new((short)((int)(Key >> (PropertyCodes.Bits * properties)) & ((1 << LabelBits) - 1)));

    public int Fold(int properties) => (int)(Key >> ((PropertyCodes.Bits * properties) + LabelBits));

    public static ulong KeyOf(IReadOnlyList<PropertyCodes> properties, int image, DiagnosisSet label, int fold)
    {
        var key = ((ulong)fold << LabelBits) | (ushort)label.Bits;
        for (var property = properties.Count - 1; property >= 0; property--)
            key = (key << PropertyCodes.Bits) | properties[property].Codes[image];
        return key;
    }
}

/// <summary>All images as cells: what is computed from them costs the number of cells, not of images.</summary>
internal static class ShortcutCells
{
    public const int Folds = 5;

    public static ShortcutCell[] Of(IReadOnlyList<ShortcutImage> images, IReadOnlyList<PropertyCodes> properties)
    {
        var keys = new ulong[images.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = ShortcutCell.KeyOf(properties, i, images[i].Label, FoldOf(images[i].Group));
        Array.Sort(keys);
        var cells = new List<ShortcutCell>();
        for (int from = 0, to = 0; from < keys.Length; from = to)
        {
            while (to < keys.Length && keys[to] == keys[from])
                to++;
            cells.Add(new(keys[from], to - from));
        }

        return [.. cells];
    }

    // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014) over both halves.
    private static int FoldOf(Guid group)
    {
        Span<byte> bytes = stackalloc byte[16];
        group.TryWriteBytes(bytes);
        var mixed = BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) * 0x9E3779B97F4A7C15);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return (int)((mixed ^ (mixed >> 31)) % Folds);
    }
}
