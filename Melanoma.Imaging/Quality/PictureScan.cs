using System.Numerics;

namespace Melanoma.Imaging;

/// <summary>
/// What one pass over a picture counts. The picture comes at 128 x 128 and every pixel is a cell; all is in integers, so that the counts are the same on
/// every machine.
/// </summary>
internal struct PictureScan
{
    /// <summary>Cells to a side.</summary>
    public const int Side = 128;

    public const int Cells = Side * Side;

    /// <summary>Neighbours right and below, for each cell that has both.</summary>
    public const int Steps = (Side - 1) * (Side - 1);

    public const int Tiles = (Side / Tile) * (Side / Tile);

    /// <summary>A cell is dark when all its channels are below this.</summary>
    public const int DarkBelow = 40;

    private const int Tile = 8;
    private const int BlankSpan = 4;
    private const int BurntFrom = 250;
    private const int WhiteFrom = 235;
    private const int NeutralBelow = 10;
    private const int SteepAbove = 60;

    /// <summary>The brightness, 0 to 255, that nine tenths of the cells do not exceed.</summary>
    public int Highlights;

    /// <summary>Cells with a channel at its limit.</summary>
    public int Burnt;

    /// <summary>Cells that are near white.</summary>
    public int White;

    /// <summary>Cells that are near black; the three that follow leave them out.</summary>
    public int Dark;

    /// <summary>Cells that are red before green, not blue, and not grey.</summary>
    public int Skin;

    /// <summary>Cells that are grey.</summary>
    public int Neutral;

    /// <summary>Cells that are green, blue or yellow as skin and lesions hardly are.</summary>
    public int Foreign;

    /// <summary>Cells from which the brightness steps far to the right and downwards, taken together.</summary>
    public int Edges;

    /// <summary>Tiles in which the brightness hardly changes.</summary>
    public int BlankTiles;

    /// <summary>Mean squares of the Laplacian.</summary>
    public DetailEnergies Energies;

    /// <summary>Scans 128 x 128 pixels of 3 bytes.</summary>
    /// <param name="pixels">The pixels.</param>
    /// <param name="luma">Receives the brightness of the cells.</param>
    public static PictureScan Of(ReadOnlySpan<byte> pixels, Span<short> luma)
    {
        var scan = default(PictureScan);
        Span<byte> bytes = stackalloc byte[3 * Side];
        Span<short> row = stackalloc short[3 * Side];
        Span<short> low = stackalloc short[Side];
        Span<short> high = stackalloc short[Side];
        var tally = default(Tally);
        for (var y = 0; y < Side; y++)
        {
            RgbPlanes.Split(pixels.Slice(y * bytes.Length, bytes.Length), bytes);
            Widen(bytes, row);
            var bright = luma.Slice(y * Side, Side);
            tally.Count(row[..Side], row.Slice(Side, Side), row[(2 * Side)..], bright);
            if (y % Tile == 0)
            {
                bright.CopyTo(low);
                bright.CopyTo(high);
            }
            else
            {
                Spread(bright, low, high);
            }

            if (y % Tile == Tile - 1)
                scan.BlankTiles += Blank(low, high);
        }

        (scan.Burnt, scan.White, scan.Dark) = (Vector.Sum(tally.Burnt), Vector.Sum(tally.White), Vector.Sum(tally.Dark));
        (scan.Skin, scan.Neutral, scan.Foreign) = (Vector.Sum(tally.Skin), Vector.Sum(tally.Neutral), Vector.Sum(tally.Foreign));
        var histogram = new Histogram(stackalloc int[Histogram.Levels]);
        histogram.Add(luma, 0, 0, Side, Side);
        scan.Highlights = histogram.NinthTenth;
        scan.Edges = Steep(luma);
        scan.Energies = DetailEnergies.Of(luma);
        return scan;
    }

    private static void Widen(ReadOnlySpan<byte> from, Span<short> to)
    {
        for (var x = 0; x < to.Length; x += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(from[x..]), out var low, out var high);
            Vector.AsVectorInt16(low).CopyTo(to[x..]);
            Vector.AsVectorInt16(high).CopyTo(to[(x + Vector<short>.Count)..]);
        }
    }

    private static void Spread(ReadOnlySpan<short> bright, Span<short> low, Span<short> high)
    {
        for (var x = 0; x < Side; x += Vector<short>.Count)
        {
            var here = new Vector<short>(bright[x..]);
            Vector.Min(here, new Vector<short>(low[x..])).CopyTo(low[x..]);
            Vector.Max(here, new Vector<short>(high[x..])).CopyTo(high[x..]);
        }
    }

    private static int Blank(ReadOnlySpan<short> low, ReadOnlySpan<short> high)
    {
        var blank = 0;
        for (var x = 0; x < Side; x += Tile)
        {
            int least = short.MaxValue, most = 0;
            for (var i = x; i < x + Tile; i++)
            {
                least = Math.Min(least, low[i]);
                most = Math.Max(most, high[i]);
            }

            blank += most - least <= BlankSpan ? 1 : 0;
        }

        return blank;
    }

    private static int Steep(ReadOnlySpan<short> luma)
    {
        var steep = Vector<short>.Zero;
        for (var y = 0; y < Side - 1; y++)
        {
            var at = y * Side;
            for (var x = 0; x < Side; x += Vector<short>.Count)
            {
                var here = new Vector<short>(luma[(at + x)..]);
                var right = new Vector<short>(luma[(at + x + 1)..]);
                var below = new Vector<short>(luma[(at + x + Side)..]);
                var step = Vector.Abs(right - here) + Vector.Abs(below - here);
                steep -= Vector.GreaterThan(step, new Vector<short>(SteepAbove));
            }
        }

        // The last column has no right neighbour: what it was counted with was the next row.
        var edges = (int)Vector.Sum(steep);
        for (var at = Side - 1; at < Cells - Side; at += Side)
            edges -= Math.Abs(luma[at + 1] - luma[at]) + Math.Abs(luma[at + Side] - luma[at]) > SteepAbove ? 1 : 0;
        return edges;
    }

    private struct Tally
    {
        public Vector<short> Burnt;
        public Vector<short> White;
        public Vector<short> Dark;
        public Vector<short> Skin;
        public Vector<short> Neutral;
        public Vector<short> Foreign;

        public void Count(ReadOnlySpan<short> reds, ReadOnlySpan<short> greens, ReadOnlySpan<short> blues, Span<short> luma)
        {
            for (var x = 0; x < Side; x += Vector<short>.Count)
            {
                var red = new Vector<short>(reds[x..]);
                var green = new Vector<short>(greens[x..]);
                var blue = new Vector<short>(blues[x..]);
                var bright = (Vector.AsVectorUInt16(red) * (ushort)77)
                    + (Vector.AsVectorUInt16(green) * (ushort)150)
                    + (Vector.AsVectorUInt16(blue) * (ushort)29);
                Vector.AsVectorInt16(Vector.ShiftRightLogical(bright + new Vector<ushort>(128), 8)).CopyTo(luma[x..]);

                var most = Vector.Max(red, Vector.Max(green, blue));
                var least = Vector.Min(red, Vector.Min(green, blue));
                var dark = Vector.LessThan(most, new Vector<short>(DarkBelow));
                var grey = Vector.LessThan(most - least, new Vector<short>(NeutralBelow));
                var skin = Vector.GreaterThan(red, green) & Vector.GreaterThanOrEqual(red, blue - new Vector<short>(5));
                var foreign = Vector.GreaterThan(green, red + new Vector<short>(6))
                    | Vector.GreaterThan(blue, red + new Vector<short>(30))
                    | Vector.GreaterThan(green, blue + new Vector<short>(60));
                Burnt -= Vector.GreaterThanOrEqual(most, new Vector<short>(BurntFrom));
                White -= Vector.GreaterThanOrEqual(least, new Vector<short>(WhiteFrom));
                Dark -= dark;
                Skin -= Vector.AndNot(Vector.AndNot(skin, grey), dark);
                Neutral -= Vector.AndNot(grey, dark);
                Foreign -= Vector.AndNot(foreign, dark);
            }
        }
    }
}
