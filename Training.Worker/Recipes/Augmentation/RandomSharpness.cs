using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Moves an image towards a blurred copy of itself (a Gaussian of <paramref name="Sigma"/> pixels), or away from it, which sharpens.</summary>
/// <param name="Probability">Of an image's being changed.</param>
/// <param name="Sharpest">How far away at most, 0 or more.</param>
internal sealed record RandomSharpness(double Probability, double Sigma, double Sharpest) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random) => Some(images, Probability, ref random, (x, count, ref random) =>
        x.lerp(Blur(x), Draw(count, -Sharpest, 1, ref random, x.device).expand_as(x)).clamp_(0, 255));

    private Tensor Blur(Tensor x)
    {
        var reach = (int)Math.Ceiling(2.5 * Sigma);
        var bell = Enumerable.Range(-reach, (2 * reach) + 1).Select(place => Math.Exp(-place * place / (2 * Sigma * Sigma))).ToArray();
        var kernel = tensor(bell.Select(weight => (float)(weight / bell.Sum())).ToArray());
        var row = kernel.view(1, 1, 1, -1).repeat(3, 1, 1, 1).to(x.device, non_blocking: true);
        var padded = nn.functional.pad(x, [reach, reach, reach, reach], TorchSharp.PaddingModes.Replicate);
        return nn.functional.conv2d(nn.functional.conv2d(padded, row, groups: 3), row.transpose(2, 3), groups: 3);
    }
}
