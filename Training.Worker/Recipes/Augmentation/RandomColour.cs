using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Another camera, another lamp: exposure, contrast, saturation and the balance of the three channels, each by a factor about 1.</summary>
/// <param name="Exposure">Largest relative change of brightness.</param>
/// <param name="Contrast">Largest relative change of the distance from the mean.</param>
/// <param name="Saturation">Largest relative change of the distance from grey.</param>
/// <param name="Balance">Largest relative change of one channel.</param>
internal sealed record RandomColour(double Exposure, double Contrast, double Saturation, double Balance) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var x = images.to(ScalarType.Float32).permute(0, 3, 1, 2);
        var count = (int)x.shape[0];
        var gain = Draw(count, 1 - Exposure, 1 + Exposure, ref random, x.device) * Draw(count, 3, 1 - Balance, 1 + Balance, ref random, x.device);
        x = x.mean([1], keepdim: true).expand_as(x).lerp(x, Draw(count, 1 - Saturation, 1 + Saturation, ref random, x.device).expand_as(x));
        x = x.mean([1, 2, 3], keepdim: true).expand_as(x).lerp(x, Draw(count, 1 - Contrast, 1 + Contrast, ref random, x.device).expand_as(x));
        return x.mul_(gain).clamp_(0, 255).permute(0, 2, 3, 1);
    }
}
