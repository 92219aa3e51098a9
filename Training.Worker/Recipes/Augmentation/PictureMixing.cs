using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>
/// Mixes pictures of a batch with each other, and their labels in the same proportion: whole pictures are blended (Zhang et al. 2018, mixup), or a rectangle of
/// one is laid into the other (Yun et al. 2019, CutMix). What cannot be learned by heart has to be understood.
/// </summary>
/// <param name="Blended">Share of the pictures that are blended, 0 to 1.</param>
/// <param name="Patched">Share of the pictures into which a rectangle is laid, 0 to 1 - <paramref name="Blended"/>.</param>
/// <param name="Alpha">Both parameters of the beta distribution that proportions are drawn from, above 0 and at most 1.</param>
internal sealed record PictureMixing(double Blended, double Patched, double Alpha)
{
    /// <param name="images">Floats [N,H,W,3].</param>
    public MixedPictures Apply(Tensor images, ref SplitMix64 random)
    {
        var (count, side) = ((int)images.shape[0], (int)images.shape[1]);
        if (count < 2)
        {
            return new MixedPictures(images, [0], [1]);
        }

        var offset = 1 + random.Below(count - 1);
        var partners = new long[count];
        var kept = new float[count];

        // Per picture: how much of it remains outside its rectangle, then the rectangle's first and last row and column.
        var numbers = new float[count * 5];
        for (var i = 0; i < count; i++)
        {
            partners[i] = (i + offset) % count;
            var draw = random.NextDouble();
            var proportion = draw < Blended + Patched ? Beta(Alpha, ref random) : 1;
            var rectangle = draw >= Blended ? Rectangle(side, 1 - proportion, ref random) : default;
            kept[i] = draw < Blended ? (float)proportion : 1 - (rectangle.Area / ((float)side * side));
            ReadOnlySpan<float> row = [draw < Blended ? (float)proportion : 1, rectangle.Top, rectangle.Bottom, rectangle.Left, rectangle.Right];
            row.CopyTo(numbers.AsSpan(i * row.Length));
        }

        var parts = tensor(numbers, [count, 5, 1, 1]).to(images.device, non_blocking: true).unbind(1);
        var places = arange(side, ScalarType.Float32, images.device);
        var (rows, columns) = (places.view(1, side, 1), places.view(1, 1, side));
        var inside = rows.ge(parts[1]).logical_and(rows.lt(parts[2])).logical_and(columns.ge(parts[3])).logical_and(columns.lt(parts[4]));
        var remains = where(inside, zeros_like(parts[0]), parts[0]).unsqueeze(3);
        var others = images.index_select(0, tensor(partners).to(images.device, non_blocking: true));
        return new MixedPictures(others.lerp(images, remains.expand_as(images)), partners, kept);
    }

    /// <summary>Jöhnk's method (1964), for parameters up to 1.</summary>
    private static double Beta(double alpha, ref SplitMix64 random)
    {
        while (true)
        {
            var (a, b) = (Math.Pow(random.NextDouble(), 1 / alpha), Math.Pow(random.NextDouble(), 1 / alpha));
            if (a + b is > 0 and <= 1)
            {
                return a / (a + b);
            }
        }
    }

    /// <summary>A square of this share of the picture with its centre anywhere; what lies beyond the edge is cut off.</summary>
    private static (int Top, int Bottom, int Left, int Right, int Area) Rectangle(int side, double share, ref SplitMix64 random)
    {
        var half = side * Math.Sqrt(share) / 2;
        var (x, y) = (random.NextDouble() * side, random.NextDouble() * side);
        var (top, bottom) = ((int)Math.Max(0, Math.Round(y - half)), (int)Math.Min(side, Math.Round(y + half)));
        var (left, right) = ((int)Math.Max(0, Math.Round(x - half)), (int)Math.Min(side, Math.Round(x + half)));
        return (top, bottom, left, right, (bottom - top) * (right - left));
    }
}

/// <summary>A batch after <see cref="PictureMixing"/>.</summary>
/// <param name="Images">Floats [N,H,W,3].</param>
/// <param name="Partners">The place of the picture that each was mixed with.</param>
/// <param name="Kept">How much of each picture's own label counts, 0 to 1; the rest is its partner's.</param>
internal sealed record MixedPictures(Tensor Images, long[] Partners, float[] Kept);
