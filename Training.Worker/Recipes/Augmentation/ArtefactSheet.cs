using System.Collections.Concurrent;
using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Drawn once for a size of picture: how much each of <see cref="Count"/> artefacts covers each pixel. The same for ever.</summary>
internal sealed class ArtefactSheet
{
    /// <summary>How many artefacts there are: hairs, rulers, ink and rims, in this order.</summary>
    public const int Count = Hairs + Rulers + Inks + Rims;

    private const int Hairs = 48;
    private const int Rulers = 12;
    private const int Inks = 12;
    private const int Rims = 24;

    private static readonly ConcurrentDictionary<int, ArtefactSheet> Sheets = new();

    private readonly ConcurrentDictionary<string, Tensor> _onDevice = new();
    private readonly int _side;
    private readonly byte[] _cover;

    private ArtefactSheet(int side)
    {
        _side = side;
        _cover = new byte[Count * side * side];
        for (var i = 0; i < Count; i++)
        {
            var random = SplitMix64.At(side, i);
            var canvas = new Canvas(_cover.AsSpan(i * side * side, side * side), side);
            Draw(i, canvas, ref random);
        }
    }

    /// <summary>The sheet for pictures of a side, in pixels.</summary>
    public static ArtefactSheet Of(int side) => Sheets.GetOrAdd(side, static side => new ArtefactSheet(side));

    /// <summary>A colour that an artefact may have, red, green, blue 0-255.</summary>
    public static float[] ColourOf(int artefact, ref SplitMix64 random) => artefact switch
    {
        < Hairs => Shade(random.Between(5, 90), [1.2f, 1, 0.8f]),
        < Hairs + Rulers => Shade(random.NextDouble() < 0.5 ? random.Between(10, 60) : random.Between(200, 250), [1, 1, 1]),
        < Hairs + Rulers + Inks => Shade(random.Between(60, 130), [0.7f, 0.6f, 1.4f]),
        _ => Shade(random.Between(0, 30), [1.1f, 1, 1]),
    };

    /// <summary>The cover of every artefact on a device, uint8 [<see cref="Count"/>,side,side]; it stays there.</summary>
    public Tensor On(Device device) =>
        _onDevice.GetOrAdd(device.ToString(), _ => tensor(_cover, [Count, _side, _side]).to(device, non_blocking: true).DetachFromDisposeScope());

    private static float[] Shade(float level, float[] tint) => [.. tint.Select(part => level * part)];

    private static void Draw(int artefact, Canvas canvas, ref SplitMix64 random)
    {
        switch (artefact)
        {
            case < Hairs:
                for (var hair = 1 + random.Below(24); hair > 0; hair--)
                {
                    Curve(canvas, random.Between(0.0015, 0.005), bend: 0.3, ref random);
                }

                break;
            case < Hairs + Rulers:
                Ruler(canvas, ref random);
                break;
            case < Hairs + Rulers + Inks:
                for (var stroke = 1 + random.Below(3); stroke > 0; stroke--)
                {
                    Curve(canvas, random.Between(0.01, 0.035), bend: 0.8, ref random);
                }

                break;
            default:
                Rim(canvas, ref random);
                break;
        }
    }

    /// <summary>A bent line from edge to edge (a quadratic Bezier curve), places and widths in parts of the side.</summary>
    private static void Curve(Canvas canvas, float radius, double bend, ref SplitMix64 random)
    {
        var (fromX, fromY, toX, toY) = (random.Between(-0.2, 1.2), random.Between(-0.2, 1.2), random.Between(-0.2, 1.2), random.Between(-0.2, 1.2));
        var middleX = ((fromX + toX) / 2) + random.Between(-bend, bend);
        var middleY = ((fromY + toY) / 2) + random.Between(-bend, bend);
        const int Steps = 400;
        for (var step = 0; step <= Steps; step++)
        {
            var t = (float)step / Steps;
            var (a, b, c) = ((1 - t) * (1 - t), 2 * t * (1 - t), t * t);
            canvas.Dot((a * fromX) + (b * middleX) + (c * toX), (a * fromY) + (b * middleY) + (c * toY), radius);
        }
    }

    /// <summary>Marks along one side, every fifth longer.</summary>
    private static void Ruler(Canvas canvas, ref SplitMix64 random)
    {
        var (gap, edge, length, lying) = (random.Between(0.02, 0.06), random.Between(0.02, 0.2), random.Between(0.03, 0.06), random.NextDouble() < 0.5);
        var mark = 0;
        for (var along = random.Between(0, 0.05); along < 1; along += gap, mark++)
        {
            var reach = mark % 5 == 0 ? 2 * length : length;
            for (var across = 0f; across < reach; across += 0.003f)
            {
                var (x, y) = lying ? (along, edge + across) : (edge + across, along);
                canvas.Dot(x, y, 0.003f);
            }
        }
    }

    /// <summary>Everything outside of a circle, with a soft edge.</summary>
    private static void Rim(Canvas canvas, ref SplitMix64 random)
    {
        var (x, y, radius, soft) = (random.Between(0.42, 0.58), random.Between(0.42, 0.58), random.Between(0.48, 0.68), random.Between(0.01, 0.12));
        canvas.Fill((px, py) => (float)((Math.Sqrt(((px - x) * (px - x)) + ((py - y) * (py - y))) - radius) / soft));
    }

    private readonly ref struct Canvas(Span<byte> cover, int side)
    {
        private readonly Span<byte> _cover = cover;

        /// <summary>Covers a disc, with an edge of one pixel; places in parts of the side.</summary>
        public void Dot(float x, float y, float radius)
        {
            var (centreX, centreY, reach) = (x * side, y * side, (radius * side) + 0.5f);
            for (var row = Math.Max(0, (int)(centreY - reach)); row <= Math.Min(side - 1, (int)(centreY + reach)); row++)
            {
                for (var column = Math.Max(0, (int)(centreX - reach)); column <= Math.Min(side - 1, (int)(centreX + reach)); column++)
                {
                    var distance = MathF.Sqrt(((column + 0.5f - centreX) * (column + 0.5f - centreX)) + ((row + 0.5f - centreY) * (row + 0.5f - centreY)));
                    Cover((row * side) + column, reach - distance);
                }
            }
        }

        /// <summary>Covers every pixel by what a function of its place says, 0 to 1.</summary>
        public void Fill(Func<float, float, float> share)
        {
            for (var place = 0; place < _cover.Length; place++)
            {
                Cover(place, share(((place % side) + 0.5f) / side, ((place / side) + 0.5f) / side));
            }
        }

        private void Cover(int place, float share) => _cover[place] = Math.Max(_cover[place], (byte)(255 * Math.Clamp(share, 0, 1)));
    }
}
