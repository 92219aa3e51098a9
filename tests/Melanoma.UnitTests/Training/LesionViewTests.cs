using CsCheck;
using Melanoma.Imaging;
using Melanoma.Training.Embeddings;
using Melanoma.Training.LesionViews;
using Melanoma.Training.Networks;

namespace Melanoma.UnitTests.Training;

public sealed class LesionViewTests
{
    [Theory]
    [InlineData(0, 1, 0, 0)]
    [InlineData(90, 1, 0, 0)]
    [InlineData(180, 1, 20, -10)]
    [InlineData(35, 1.3, -15, 10)]
    [InlineData(250, 0.8, 10, 15)]
    public void Should_find_many_agreeing_places_when_a_picture_was_turned_zoomed_and_shifted(double degrees, double zoom, double right, double down)
    {
        var texture = new Texture(seed: 1);

        var agreeing = FeatureMatching.Agreeing(LocalFeatures.Of(texture.Seen(0, 1, 0, 0)), LocalFeatures.Of(texture.Seen(degrees, zoom, right, down)));

        Assert.True(agreeing >= 2 * new LesionViewOptions().LeastAgreeing, $"{agreeing} places agree.");
    }

    [Fact]
    public void Should_find_next_to_none_when_the_pictures_show_different_skin()
    {
        var features = Enumerable.Range(0, 6).Select(seed => LocalFeatures.Of(new Texture(seed).Seen(0, 1, 0, 0))).ToArray();

        for (var i = 0; i < features.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                Assert.InRange(FeatureMatching.Agreeing(features[i], features[j]), 0, new LesionViewOptions().LeastAgreeing - 1);
            }
        }
    }

    [Fact]
    public void Should_find_the_pairs_and_no_others_when_some_pictures_show_one_lesion()
    {
        var random = SplitMix64.At(4);
        var pictures = Enumerable.Range(0, 12).Select(i =>
        {
            var picture = new Texture(seed: i / 2).Seen(40 * (i % 2), 1 + (0.1 * (i % 2)), 0, 0);
            float[] embedding = [.. Enumerable.Range(0, 8).Select(c => (c == i / 2 ? 1 : 0) + random.Between(-0.1, 0.1))];
            return (Picture: new LesionPicture($"picture {i:00}", embedding), Features: LocalFeatures.Of(picture));
        }).ToArray();

        var pairs = LesionViewFinder.Find(
            [.. pictures.Select(picture => picture.Picture)], i => pictures[i].Features, new LesionViewOptions { Candidates = 4 }, TestContext.Current.CancellationToken);

        Assert.Equal(
            Enumerable.Range(0, 6).Select(i => ($"picture {2 * i:00}", $"picture {(2 * i) + 1:00}")),
            pairs.Select(pair => (pair.First, pair.Second)).Order());
    }

    [Fact]
    public void Should_compare_with_the_others_only_when_pictures_are_known_to_show_one_lesion()
    {
        // Three pictures of one place; the nearest of each is the one of its known lesion.
        var features = Enumerable.Range(0, 3).Select(i => LocalFeatures.Of(new Texture(seed: 1).Seen(40 * i, 1, 0, 0))).ToArray();
        LesionPicture[] pictures = [new("a", [1, 0, 0.1f], "lesion"), new("b", [1, 0.1f, 0], "lesion"), new("c", [0, 1, 1], "other")];

        var pairs = LesionViewFinder.Find(pictures, i => features[i], new LesionViewOptions { Candidates = 1 }, TestContext.Current.CancellationToken);

        Assert.NotEmpty(pairs);
        Assert.All(pairs, pair => Assert.Equal("c", pair.Second));
    }

    [Fact]
    public void Should_give_back_the_same_keypoints_and_leave_no_file_when_they_are_kept_on_disk()
    {
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        try
        {
            LocalFeatures[] features = [.. Enumerable.Range(0, 3).Select(seed => LocalFeatures.Of(new Texture(seed).Seen(0, 1, 0, 0))), LocalFeatures.Of(new RgbImage(200, 150))];
            using var file = FeatureFile.Create(Path.Combine(folder.FullName, "cache"));

            Assert.All(features, file.Add);

            Assert.All(Enumerable.Range(0, features.Length).Reverse(), i =>
            {
                var read = file.Read(i);
                Assert.Equal(features[i].Keypoints, read.Keypoints);
                Assert.Equal(features[i].Descriptors, read.Descriptors);
            });
            Assert.Empty(folder.EnumerateFiles("*", SearchOption.AllDirectories));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Should_take_textures_from_the_middle_of_the_network_when_it_can_be_trained() => Assert.All(NetworkCatalogue.All, network =>
    {
        var layers = RunEmbedder.TextureLayersOf(network);

        var (shape, sides) = (network.Input, new List<int>());
        for (var index = 0; index < network.Layers.Length; index++)
        {
            shape = shape.Behind(network.Layers[index]);
            if (layers.Contains(index))
                sides.Add(shape.Height);
        }

        Assert.InRange(layers.Count, 2, 3);
        Assert.All(sides, side => Assert.InRange(side, (network.InputSize / 16) - 1, (network.InputSize / 4) + 1));
    });

    [Fact]
    public void Should_find_nothing_when_there_is_nothing_to_see()
    {
        var blank = LocalFeatures.Of(new RgbImage(200, 150));

        Assert.Equal(0, blank.Count);
        Assert.Equal(0, FeatureMatching.Agreeing(blank, blank));
        Assert.Empty(LesionViewFinder.Find([new("a", [0, 0]), new("b", [0, 0])], _ => blank, new LesionViewOptions(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Should_have_unit_variance_in_every_direction_when_rows_are_whitened() =>
        Gen.Select(Gen.Int[2, 6], Gen.Int[0, 1000]).Sample(
            (length, seed) =>
            {
                var random = SplitMix64.At(seed);
                float[][] rows = [.. Enumerable.Range(0, 400).Select(_ => Row(length, ref random))];

                var white = Whitening.Apply(rows, shrinkage: 1e-6);

                // Every direction holds about the same part of the rows, which have length 1.
                var shares = Enumerable.Range(0, length).Select(c => white.Average(row => row[c] * row[c])).ToArray();
                Assert.All(white, row => Assert.Equal(1, Vectors.Dot(row, row), 1e-4f));
                Assert.All(shares, share => Assert.InRange(share * length, 0.5, 1.6));
            },
            iter: 20,
            threads: 1);

    [Fact]
    public void Should_make_eight_different_views_that_keep_every_pixel_when_a_square_is_turned_and_mirrored()
    {
        byte[] square = [.. Enumerable.Range(0, 27).Select(i => (byte)i)];

        var views = Enumerable.Range(0, SquareSymmetry.Count).Select(view => SquareSymmetry.Apply(square, 3, view)).ToArray();

        Assert.Equal(SquareSymmetry.Count, views.DistinctBy(Convert.ToHexString).Count());
        Assert.All(views, view => Assert.Equal(square, view.Order()));
        Assert.Equal([6, 7, 8, 3, 4, 5, 0, 1, 2], views[1][..9]);
    }

    /// <summary>Numbers that hang together and are of very different size.</summary>
    private static float[] Row(int length, ref SplitMix64 random)
    {
        var shared = random.Between(-1, 1);
        var row = new float[length];
        for (var c = 0; c < length; c++)
        {
            row[c] = (float)Math.Pow(10, c) * (shared + random.Between(-0.5, 0.5));
        }

        return row;
    }

    /// <summary>Skin with dark and light spots at random, seen by a camera that may be turned.</summary>
    private sealed class Texture
    {
        private readonly List<(double X, double Y, double Radius, double Strength)> _spots = [];

        public Texture(int seed)
        {
            var random = SplitMix64.At(seed, 77);
            for (var i = 0; i < 220; i++)
            {
                _spots.Add((random.Between(-160, 160), random.Between(-160, 160), random.Between(1.5, 7), random.Between(-70, 50)));
            }
        }

        public RgbImage Seen(double degrees, double zoom, double right, double down)
        {
            var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
            var light = new double[150 * 200];
            Array.Fill(light, 150);
            foreach (var spot in _spots)
            {
                var centreX = (zoom * ((cosine * spot.X) - (sine * spot.Y))) + 100 + right;
                var centreY = (zoom * ((sine * spot.X) + (cosine * spot.Y))) + 75 + down;
                var radius = zoom * spot.Radius;
                for (var y = Math.Max(0, (int)(centreY - (4 * radius))); y < Math.Min(150, centreY + (4 * radius)); y++)
                {
                    for (var x = Math.Max(0, (int)(centreX - (4 * radius))); x < Math.Min(200, centreX + (4 * radius)); x++)
                    {
                        var distance = (Math.Pow(x - centreX, 2) + Math.Pow(y - centreY, 2)) / (radius * radius);
                        light[(y * 200) + x] += spot.Strength * Math.Exp(-distance / 2);
                    }
                }
            }

            var image = new RgbImage(200, 150);
            for (var i = 0; i < light.Length * 3; i++)
            {
                image.Pixels[i] = (byte)Math.Clamp(light[i / 3], 0, 255);
            }

            return image;
        }
    }
}
