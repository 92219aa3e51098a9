using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>A picture that was once smaller: brought down by a factor that the chosen images of a batch share, and up again.</summary>
/// <param name="Probability">Of an image's being chosen.</param>
/// <param name="Smallest">The smallest factor, 0 to 1.</param>
internal sealed record RandomResolution(double Probability, double Smallest) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var factor = random.Between(Smallest, 1);
        return Some(images, Probability, ref random, (x, _, ref _) =>
        {
            long[] full = [x.shape[2], x.shape[3]];
            long[] small = [Math.Max(1, (long)(full[0] * factor)), Math.Max(1, (long)(full[1] * factor))];
            var down = nn.functional.interpolate(x, small, mode: InterpolationMode.Area);
            return nn.functional.interpolate(down, full, mode: InterpolationMode.Bilinear, align_corners: false);
        });
    }
}
