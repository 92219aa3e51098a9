using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>
/// Looks at a part of the picture from anywhere: one of the eight turned and mirrored views, or turned by any angle, nearer or farther, wider or narrower, off
/// the centre. All of it is one look-up in the picture, which also brings it to the side that the network sees; beyond the edge the picture is mirrored.
/// </summary>
/// <param name="Nearest">The smallest part of the picture's side that is seen, 0 to 1.</param>
/// <param name="Farthest">The largest, above 1 for more than the picture.</param>
/// <param name="Aspect">Largest factor between width and height.</param>
/// <param name="Turned">Probability of any angle in place of right angles.</param>
/// <param name="Side">Side of what comes out, in pixels; 0 for that of what goes in.</param>
internal sealed record RandomView(double Nearest, double Farthest, double Aspect, double Turned, int Side = 0) : OnlineLayer
{
    public override bool MovesPlaces => true;

    public override OnlineLayer At(int side) => this with { Side = side };

    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var matrices = new float[images.shape[0] * 6];
        for (var i = 0; i < matrices.Length; i += 6)
        {
            View(matrices.AsSpan(i, 6), ref random);
        }

        return Resample(images, matrices, Side == 0 ? (int)images.shape[1] : Side);
    }

    /// <summary>Where the places of the output, -1 to 1, lie in the picture: symmetry first, then size, then angle, then place.</summary>
    private void View(Span<float> matrix, ref SplitMix64 random)
    {
        var size = Math.Exp(random.Between(Math.Log(Nearest), Math.Log(Farthest)));
        var aspect = Math.Exp(random.Between(-Math.Log(Aspect) / 2, Math.Log(Aspect) / 2));
        var (width, height) = (size * aspect, size / aspect);
        var angle = random.NextDouble() < Turned ? random.NextDouble() * 2 * Math.PI : 0;
        var symmetry = random.Below(8);
        var (sine, cosine) = Math.SinCos(angle);

        // Off the centre by half of what is cut away, so that the lesion mostly stays in view, and a little where nothing is.
        var (x, y) = (Shift(width, ref random), Shift(height, ref random));
        var (across, down) = ((symmetry & 1) == 0 ? width : -width, (symmetry & 2) == 0 ? height : -height);
        var (a, b, c, d) = (cosine * across, -sine * down, sine * across, cosine * down);
        if ((symmetry & 4) != 0)
        {
            (a, b, c, d) = (b, a, d, c);
        }

        ReadOnlySpan<float> rows = [(float)a, (float)b, x, (float)c, (float)d, y];
        rows.CopyTo(matrix);
    }

    private static float Shift(double seen, ref SplitMix64 random)
    {
        var room = Math.Max(0.05, Math.Abs(1 - seen) / 2);
        return random.Between(-room, room);
    }
}
