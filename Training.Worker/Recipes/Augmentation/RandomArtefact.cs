using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Lays something over the picture that is no skin: hairs, the marks of a ruler, ink, or the dark rim of a dermatoscope's view.</summary>
/// <param name="Probability">Of an image's getting one.</param>
internal sealed record RandomArtefact(double Probability) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random) => Some(images, Probability, ref random, (x, count, ref random) =>
    {
        var sheet = ArtefactSheet.Of((int)x.shape[2]);
        var (chosen, colours) = (new long[count], new float[count * 3]);
        for (var i = 0; i < count; i++)
        {
            chosen[i] = random.Below(ArtefactSheet.Count);
            ArtefactSheet.ColourOf((int)chosen[i], ref random).CopyTo(colours.AsSpan(i * 3));
        }

        var cover = sheet.On(x.device).index_select(0, tensor(chosen).to(x.device, non_blocking: true)).to(ScalarType.Float32).unsqueeze(1) / 255;
        return x.lerp(tensor(colours, [count, 3, 1, 1]).to(x.device, non_blocking: true).expand_as(x), cover.expand_as(x));
    });
}
