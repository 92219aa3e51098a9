using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>
/// What JPEG does to a picture (ITU-T T.81 with the tables of its Annex K, colour at half resolution), as arithmetic on tensors: cosine transform of 8 x 8
/// blocks, rounding by the table of a random quality, and back. Collections differ in their compression; a network must not learn from it.
/// </summary>
/// <param name="Probability">Of an image's being compressed.</param>
/// <param name="Lowest">Lowest quality (1-100, as libjpeg counts it).</param>
/// <param name="Highest">Highest quality.</param>
internal sealed record RandomJpeg(double Probability, int Lowest, int Highest) : OnlineLayer
{
    private const int Block = 8;

    /// <summary>Two blocks of brightness side by side share one of colour.</summary>
    private const int Unit = 2 * Block;

    private static readonly float[] Brightness =
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ];

    private static readonly float[] Colour =
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ];

    public override Tensor Apply(Tensor images, ref SplitMix64 random) => Some(images, Probability, ref random, (x, count, ref random) =>
    {
        var qualities = new int[count];
        foreach (ref var quality in qualities.AsSpan())
        {
            quality = Lowest + random.Below(Highest - Lowest + 1);
        }

        return Compress(x, qualities, (random.Below(Unit), random.Below(Unit)));
    });

    /// <summary>The pictures as they come back from JPEG files.</summary>
    /// <param name="x">[n,3,H,W], pixels 0-255.</param>
    /// <param name="qualities">One per picture.</param>
    /// <param name="grid">Where the first whole block begins, counted from the corner, 0 to 15.</param>
    internal static Tensor Compress(Tensor x, IReadOnlyList<int> qualities, (int X, int Y) grid)
    {
        var (height, width) = (x.shape[2], x.shape[3]);
        var (right, bottom) = (Rest(width + grid.X), Rest(height + grid.Y));
        var padded = nn.functional.pad(x, [grid.X, right, grid.Y, bottom], TorchSharp.PaddingModes.Replicate);
        var (red, green, blue) = (padded.narrow(1, 0, 1), padded.narrow(1, 1, 1), padded.narrow(1, 2, 1));
        var y = (0.299 * red).add_(green, alpha: 0.587).add_(blue, alpha: 0.114);
        var half = nn.functional.avg_pool2d(cat([(blue - y).div_(1.772), (red - y).div_(1.402)], 1), 2);

        y = Round(y - 128, Tables(Brightness, qualities, x.device)) + 128;
        half = Round(half.reshape(-1, 1, half.shape[2], half.shape[3]), Tables(Colour, [.. qualities.SelectMany(quality => new[] { quality, quality })], x.device));
        var colours = half.reshape(x.shape[0], 2, padded.shape[2] / 2, padded.shape[3] / 2).repeat_interleave(2, 2).repeat_interleave(2, 3);
        var (cb, cr) = (colours.narrow(1, 0, 1), colours.narrow(1, 1, 1));
        var back = cat([y.add(cr, alpha: 1.402), y.add(cb, alpha: -0.344136).add_(cr, alpha: -0.714136), y.add(cb, alpha: 1.772)], 1);
        return back.clamp_(0, 255).narrow(2, grid.Y, height).narrow(3, grid.X, width);
    }

    private static long Rest(long size) => (Unit - (size % Unit)) % Unit;

    /// <summary>Cosine transform of every block of [n,1,H,W], rounding to multiples of the table [n,1,64], and back.</summary>
    private static Tensor Round(Tensor plane, Tensor tables)
    {
        var (count, rows, columns) = (plane.shape[0], plane.shape[2] / Block, plane.shape[3] / Block);
        var waves = Waves(plane.device);
        var blocks = plane.reshape(count, rows, Block, columns, Block).permute(0, 1, 3, 2, 4).reshape(count, rows * columns, Block * Block);
        var rounded = blocks.matmul(waves.t()).div_(tables).round_().mul_(tables);
        return rounded.matmul(waves).reshape(count, rows, columns, Block, Block).permute(0, 1, 3, 2, 4).reshape(plane.shape);
    }

    /// <summary>The 64 orthonormal cosine patterns of a block, one a row [64,64].</summary>
    private static Tensor Waves(Device device)
    {
        var waves = new float[Block * Block * Block * Block];
        for (var i = 0; i < waves.Length; i++)
        {
            var (v, u, y, x) = (i / 512, i / 64 % 8, i / 8 % 8, i % 8);
            waves[i] = (float)(Wave(v, y) * Wave(u, x));
        }

        return tensor(waves, [Block * Block, Block * Block]).to(device, non_blocking: true);

        static double Wave(int frequency, int place) =>
            Math.Sqrt((frequency == 0 ? 1.0 : 2.0) / Block) * Math.Cos(((2 * place) + 1) * frequency * Math.PI / (2 * Block));
    }

    /// <summary>A table scaled to each quality as libjpeg does it.</summary>
    private static Tensor Tables(float[] table, IReadOnlyList<int> qualities, Device device)
    {
        var scaled = qualities.SelectMany(quality =>
        {
            var scale = quality < 50 ? 5000 / quality : 200 - (2 * quality);
            return table.Select(step => (float)Math.Clamp((int)(((step * scale) + 50) / 100), 1, 255));
        });
        return tensor(scaled.ToArray(), [qualities.Count, 1, Block * Block]).to(device, non_blocking: true);
    }
}
