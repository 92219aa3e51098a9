using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>
/// All that is kept of a picture to recognise it again: its brightness on a grid of <see cref="Side"/> x <see cref="Side"/> cells and its upright size.
/// The whole picture is on the grid, squashed to a square. The same pixels give the same bytes on every machine.
/// </summary>
public sealed class PictureSignature
{
    /// <summary>Side in pixels of the square that a signature is computed from.</summary>
    public const int SourceSide = PictureMeasures.Side;

    /// <summary>Cells along each side of the grid.</summary>
    public const int Side = 40;

    /// <summary>Length in bytes of a written signature.</summary>
    public const int ByteCount = HeaderLength + CellCount;

    internal const int CellCount = Side * Side;

    private const int HeaderLength = 12;

    // "NDS" and the version.
    private const uint Magic = 0x3153444E;

    private readonly byte[] _cells;
    private PictureKeys? _keys;

    internal PictureSignature(byte[] cells, int width, int height)
    {
        _cells = cells;
        Width = width;
        Height = height;
    }

    /// <summary>Width of the upright original in pixels.</summary>
    public int Width { get; }

    /// <summary>Height of the upright original in pixels.</summary>
    public int Height { get; }

    /// <summary>Brightness (BT.601, 0 to 255) of the cells, row by row from the top left.</summary>
    internal ReadOnlySpan<byte> Cells => _cells;

    // Two threads may both compute them: the same ones.
    internal PictureKeys Keys => _keys ??= new(this);

    /// <summary>Computes the signature of a picture.</summary>
    /// <param name="square">The whole upright picture at <see cref="SourceSide"/> x <see cref="SourceSide"/>, as <see cref="AreaFilter.ToSquare"/> and <see cref="ImageDecoder.TryDecodeToSketch"/> give it.</param>
    /// <param name="width">Width of the upright original in pixels, at least 1.</param>
    /// <param name="height">Height of the upright original in pixels, at least 1.</param>
    /// <exception cref="ArgumentException">The picture has another size.</exception>
    public static PictureSignature Compute(RgbImage square, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(square);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        if (square.Width != SourceSide || square.Height != SourceSide)
            throw new ArgumentException($"A signature is computed from {SourceSide} x {SourceSide} pixels, not {square.Width} x {square.Height}.", nameof(square));
        var cells = new byte[CellCount];
        BrightnessGrid.Fill(square.Pixels, cells);
        return new(cells, width, height);
    }

    /// <summary>Writes the signature: four bytes of name and version, width and height (little endian), the cells.</summary>
    /// <returns><see cref="ByteCount"/> bytes.</returns>
    public byte[] ToBytes()
    {
        var bytes = new byte[ByteCount];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Width);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Height);
        _cells.CopyTo(bytes, HeaderLength);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="signature">The signature, where the result is true.</param>
    /// <returns>False where the bytes are none of this version; never an exception.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PictureSignature? signature)
    {
        signature = null;
        if (bytes.Length != ByteCount || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
            return false;
        var width = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var height = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (width <= 0 || height <= 0)
            return false;
        signature = new(bytes[HeaderLength..].ToArray(), width, height);
        return true;
    }
}
