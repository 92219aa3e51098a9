using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;
using Melanoma.Training.Recipes.Augmentation;
using SkiaSharp;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class StandardAugmentationTests
{
    private const int Size = 64;

    public static TheoryData<int> Qualities => [30, 60, 75, 95];

    [Theory]
    [MemberData(nameof(Qualities))]
    public void Should_damage_a_picture_as_an_encoder_does_when_it_is_compressed(int quality)
    {
        using var scope = NewDisposeScope();
        var picture = Lesion();
        var expected = Encoded(picture, quality);

        var compressed = RandomJpeg.Compress(picture.permute(0, 3, 1, 2).to(ScalarType.Float32), [quality], (0, 0)).permute(0, 2, 3, 1);

        // Encoders differ in how they bring colour to half its size and back; what they do to the picture is much larger.
        var damage = Distance(expected, picture);
        Assert.InRange(Distance(compressed, expected), 0, 0.55 * damage);
        Assert.InRange(Distance(compressed, picture) / damage, 0.75, 1.25);
    }

    [Fact]
    public void Should_change_the_same_picture_in_the_same_way_when_the_draw_is_the_same()
    {
        using var scope = NewDisposeScope();
        var pictures = Lesion().repeat(16, 1, 1, 1);

        Assert.All(Layers, layer =>
        {
            var first = Apply(layer, 3);
            Assert.Equal(0, (first - Apply(layer, 3)).abs().max().item<float>());
            Assert.NotEqual(0, (first - Apply(layer, 4)).abs().max().item<float>());
            Assert.InRange(first.min().item<float>(), 0, 255);
            Assert.InRange(first.max().item<float>(), 0, 255);
        });

        Tensor Apply(OnlineLayer layer, int seed)
        {
            manual_seed(seed);
            var random = SplitMix64.At(seed);
            return layer.Apply(pictures, ref random).to(ScalarType.Float32);
        }
    }

    [Fact]
    public void Should_keep_the_lesion_in_sight_when_a_view_is_drawn()
    {
        using var scope = NewDisposeScope();
        var random = SplitMix64.At(1);
        var seen = new RandomView(Nearest: 0.55, Farthest: 1.15, Aspect: 1.4, Turned: 0.5).At(40).Apply(Lesion().repeat(200, 1, 1, 1), ref random);

        Assert.Equal([200, 40, 40, 3], seen.shape);
        var dark = seen.select(3, 0).lt(120).to(ScalarType.Float32).mean([1, 2]);
        Assert.True(dark.min().item<float>() > 0.01f, "a view without the lesion");
        Assert.True(dark.max().item<float>() / dark.min().item<float>() > 2, "near and far views look alike");
    }

    [Fact]
    public void Should_turn_and_mirror_tensors_as_bytes_when_neither_size_nor_angle_is_drawn()
    {
        using var scope = NewDisposeScope();
        var image = tensor(ParityCheck.Noise(1, 20), [1, 20, 20, 3]).to(ScalarType.Float32);
        var random = SplitMix64.At(2);
        var seen = new RandomView(1, 1, 1, Turned: 0).Apply(Lesion().repeat(60, 1, 1, 1), ref random);

        // Places move by up to a twentieth, so each is near one of the eight and far from most others.
        var views = Enumerable.Range(0, SquareSymmetry.Count).Select(view => ViewBatches.Apply(Lesion(), view)).ToArray();
        var nearest = Enumerable.Range(0, 60).Select(i => views.Index().MinBy(view => Distance(seen[i].unsqueeze(0), view.Item)).Index).Distinct();
        Assert.True(nearest.Count() > 1);

        // Tensors are turned as bytes are.
        var bytes = image.to(ScalarType.Byte).contiguous().bytes.ToArray();
        Assert.All(Enumerable.Range(0, SquareSymmetry.Count), view => Assert.Equal(
            SquareSymmetry.Apply(bytes, 20, view), ViewBatches.Apply(image, view).to(ScalarType.Byte).contiguous().bytes.ToArray()));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(0.4, 0.4)]
    public void Should_count_each_label_as_much_as_its_picture_is_seen_when_pictures_are_mixed(double blended, double patched)
    {
        const int Count = 40;
        using var scope = NewDisposeScope();
        var pictures = arange(Count, ScalarType.Float32).mul(6).view(Count, 1, 1, 1).expand(Count, Size, Size, 3).contiguous();
        var random = SplitMix64.At(5);

        var mixed = new PictureMixing(blended, patched, Alpha: 0.4).Apply(pictures, ref random);

        for (var i = 0; i < Count; i++)
        {
            var (own, other, kept) = (6f * i, 6f * mixed.Partners[i], mixed.Kept[i]);
            Assert.NotEqual(i, mixed.Partners[i]);
            Assert.InRange(kept, 0, 1);
            Assert.Equal((own * kept) + (other * (1 - kept)), mixed.Images[i].mean().item<float>(), 0.05f);
            if (blended == 0)
            {
                // A rectangle replaces; it does not blend.
                Assert.True(mixed.Images[i].eq(own).logical_or(mixed.Images[i].eq(other)).all().item<bool>());
            }
        }

        var untouched = mixed.Kept.Count(kept => kept == 1) / (double)Count;
        Assert.InRange(untouched, Math.Max(0, 1 - blended - patched - 0.15), 1 - (0.6 * (blended + patched)));
    }

    private static IEnumerable<OnlineLayer> Layers => TrainingRecipes.Newest("standard").OnlineAugmentation;

    private static Tensor Lesion() => tensor(ParityCheck.Smooth(1, Size), [1, Size, Size, 3])
        .to(ScalarType.Float32).add_((tensor(ParityCheck.Noise(1, Size), [1, Size, Size, 3]).to(ScalarType.Float32) - 128) / 10).clamp_(0, 255).to(ScalarType.Byte);

    private static Tensor Encoded(Tensor picture, int quality)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var bytes = picture.contiguous().bytes.ToArray();
        for (var i = 0; i < Size * Size; i++)
        {
            bitmap.SetPixel(i % Size, i / Size, new SKColor(bytes[3 * i], bytes[(3 * i) + 1], bytes[(3 * i) + 2]));
        }

        using var file = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        using var decoded = SKBitmap.Decode(file);
        var back = new byte[Size * Size * 3];
        for (var i = 0; i < Size * Size; i++)
        {
            var colour = decoded.GetPixel(i % Size, i / Size);
            (back[3 * i], back[(3 * i) + 1], back[(3 * i) + 2]) = (colour.Red, colour.Green, colour.Blue);
        }

        return tensor(back, [1, Size, Size, 3]);
    }

    private static float Distance(Tensor one, Tensor other) => (one.to(ScalarType.Float32) - other.to(ScalarType.Float32)).square().mean().sqrt().item<float>();
}
