using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Noise of a sensor: independent for each value, normally distributed.</summary>
/// <param name="Probability">Of an image's being changed.</param>
/// <param name="Strongest">Largest standard deviation, in levels of 0-255.</param>
internal sealed record RandomNoise(double Probability, double Strongest) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random) => Some(images, Probability, ref random, (x, count, ref random) =>
        randn_like(x).mul_(Draw(count, 0, Strongest, ref random, x.device)).add_(x).clamp_(0, 255));
}
