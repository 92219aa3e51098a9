using Melanoma.Contracts.Models;
using Melanoma.Imaging;

namespace Melanoma.Training.Models;

/// <summary>Which pictures get no decision: real test lesions, where that is a mistake, and what shows no lesion, where it is not.</summary>
internal static class PicturesRefused
{
    private const int Drawn = 200;
    private const int Side = 320;

    /// <param name="folder">A folder of pictures without a lesion; null for none.</param>
    /// <param name="row">Takes a name, how many there are, and the shares refused by quality, by distance, and by either.</param>
    public static void Write(ServedModel model, TestPictures test, string? folder, Action<string, int, double, double, double> row)
    {
        Tell("test lesions", [.. test.Files.Select(TestPictures.Decode)]);
        Tell("drawn: noise", [.. Many(random => Paint((_, _) => (random.Next(256), random.Next(256), random.Next(256))))]);
        Tell("drawn: stripes and checks", [.. Many(Checks)]);
        Tell("drawn: pages of text", [.. Many(Page)]);
        Tell("drawn: colour gradients", [.. Many(Gradient)]);
        Tell("drawn: skin without a lesion", [.. Many(Skin)]);
        if (folder is not null)
        {
            var photographs = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).LinkTarget is null).Order(StringComparer.Ordinal)
                .Select(file => ImageDecoder.TryDecode(File.ReadAllBytes(file), ImageLimits.Default, out var image, out _) ? image : null)
                .OfType<RgbImage>().Where(image => Math.Min(image.Width, image.Height) >= QualityLimits.MinSide).ToList();
            Tell($"photographs of {Path.GetFileName(folder.TrimEnd('/'))}", photographs);
        }

        void Tell(string name, List<RgbImage> pictures)
        {
            var refused = pictures.AsParallel().Select(picture =>
            {
                var (square, sketch) = (new byte[model.Side * model.Side * 3], new RgbImage(PictureMeasures.Side, PictureMeasures.Side));
                AreaFilter.ToSquare(picture, model.Side, square);
                AreaFilter.ToSquare(picture, PictureMeasures.Side, sketch.Pixels);
                var header = new ImageHeader(ImageFormat.Png, picture.Width, picture.Height, 3, 8);
                var doubtful = PictureMeasures.Of(sketch, header, []).Quality.Flags != QualityFlags.None;
                return (doubtful, Unfamiliar: model.Properties.DistanceLimit is { } limit && DecisionRule.IsUnfamiliar(model.Look(square, withMap: false).Distance, limit));
            }).ToList();
            row(
                name, pictures.Count, refused.Count(each => each.doubtful) / (double)refused.Count, refused.Count(each => each.Unfamiliar) / (double)refused.Count,
                refused.Count(each => each.doubtful || each.Unfamiliar) / (double)refused.Count);
        }
    }

#pragma warning disable CA5394 // Draws pictures; nothing is kept secret by it.
    private static IEnumerable<RgbImage> Many(Func<Random, RgbImage> draw) => Enumerable.Range(0, Drawn).Select(seed => draw(new Random(seed)));

    private static RgbImage Checks(Random random)
    {
        var (width, height, turned) = (4 + random.Next(40), 4 + random.Next(40), random.Next(2));
        var (a, b) = (Colour(random), Colour(random));
        return Paint((x, y) => ((x / width) + (y / height * turned)) % 2 == 0 ? a : b);
    }

    private static RgbImage Page(Random random)
    {
        var (line, left) = (8 + random.Next(10), 10 + random.Next(40));
        var ink = new bool[Side * Side];
        for (var i = 0; i < ink.Length; i++)
        {
            ink[i] = random.Next(3) == 0;
        }

        return Paint((x, y) => x > left && x < Side - left && y % line < line / 2 && ink[(y / 2 * Side) + (x / 2)] ? (30, 30, 35) : (250, 250, 248));
    }

    private static RgbImage Gradient(Random random)
    {
        var (a, b) = (Colour(random), Colour(random));
        return Paint((x, y) => (Between(a.R, b.R, x), Between(a.G, b.G, y), Between(a.B, b.B, (x + y) / 2)));
    }

    private static RgbImage Skin(Random random)
    {
        var (red, green, blue) = (190 + random.Next(60), 130 + random.Next(60), 110 + random.Next(60));
        return Paint((_, _) => random.Next(12) is var grain ? (Level(red + grain), Level(green + grain), Level(blue + grain)) : default);
    }

    private static (int R, int G, int B) Colour(Random random) => (random.Next(256), random.Next(256), random.Next(256));
#pragma warning restore CA5394

    private static int Between(int from, int to, int place) => from + ((to - from) * place / Side);

    private static int Level(int value) => Math.Clamp(value, 0, 255);

    private static RgbImage Paint(Func<int, int, (int R, int G, int B)> colour)
    {
        var picture = new RgbImage(Side, Side);
        for (var i = 0; i < Side * Side; i++)
        {
            var (red, green, blue) = colour(i % Side, i / Side);
            (picture.Pixels[3 * i], picture.Pixels[(3 * i) + 1], picture.Pixels[(3 * i) + 2]) = ((byte)red, (byte)green, (byte)blue);
        }

        return picture;
    }
}
