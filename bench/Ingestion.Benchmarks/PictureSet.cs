using System.IO.Compression;
using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Testing;

namespace Melanoma.Ingestion.Benchmarks;

/// <summary>Pictures that can be read again and again.</summary>
/// <param name="Name">For people.</param>
/// <param name="Distinct">How many contents it has; every rate counts these.</param>
/// <param name="ReadDistinct">Each content once, encoded.</param>
/// <param name="OpenFiles">The files in which it is delivered.</param>
internal sealed record PictureSet(string Name, int Distinct, Func<IEnumerable<byte[]>> ReadDistinct, Func<IEnumerable<(string Path, Stream Content)>> OpenFiles)
{
    private const int Width = 300;
    private const int Height = 225;
    private const int PicturesPerPack = 2_000;

    /// <summary>Drawn pictures of about 30 KB, no two alike, each a file; kept in packs on disk so that only the first run draws them.</summary>
    public static PictureSet Drawn(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        var packs = (count + PicturesPerPack - 1) / PicturesPerPack;
        Parallel.For(0, packs, pack => DrawPack(Path.Combine(folder, $"{pack:0000}.zip"), pack * PicturesPerPack));
        return new PictureSet(
            $"{count:N0} drawn pictures of 30 KB", count,
            () => ReadPacks(folder, packs).Take(count).Select(file => file.Bytes),
            () => ReadPacks(folder, packs).Take(count).Select(file => (file.Path, (Stream)new MemoryStream(file.Bytes))));
    }

    /// <summary>The nine-class delivery as its users deliver it: one ZIP; null where the shared data are not there.</summary>
    public static PictureSet? NineClasses()
    {
        var archive = Path.Combine(SharedData.Folder, "isic9.zip");
        if (!File.Exists(archive))
            return null;
        var seen = new HashSet<string>();
        var first = ReadZip(archive).Where(file => seen.Add(Convert.ToHexString(SHA256.HashData(file.Bytes)))).Select(file => file.Path).ToHashSet();
        return new PictureSet(
            "nine-class delivery, a ZIP", first.Count,
            () => ReadZip(archive, first.Contains).Select(file => file.Bytes),
            () => [(Path.GetFileName(archive), File.OpenRead(archive))]);
    }

    private static IEnumerable<(string Path, byte[] Bytes)> ReadPacks(string folder, int packs) =>
        Enumerable.Range(0, packs).SelectMany(pack => ReadZip(Path.Combine(folder, $"{pack:0000}.zip")));

    private static IEnumerable<(string Path, byte[] Bytes)> ReadZip(string path, Func<string, bool>? isWanted = null)
    {
        using var zip = ZipFile.OpenRead(path);
        foreach (var entry in zip.Entries.Where(entry => entry.Name.Length > 0 && (isWanted is null || isWanted(entry.FullName))))
        {
            var bytes = new byte[entry.Length];
            using (var stream = entry.Open())
                stream.ReadExactly(bytes);
            yield return (entry.FullName, bytes);
        }
    }

    private static void DrawPack(string path, int first)
    {
        if (File.Exists(path))
            return;
        var unfinished = path + ".tmp";
        using (var zip = new ZipArchive(File.Create(unfinished), ZipArchiveMode.Create))
        {
            for (var i = first; i < first + PicturesPerPack; i++)
            {
                using var entry = zip.CreateEntry($"Train/{Diagnoses.Names[i % Diagnoses.Count]}/drawn_{i:0000000}.jpg", CompressionLevel.NoCompression).Open();
                entry.Write(ImageEncoder.EncodeJpeg(Draw(i), 92));
            }
        }

        File.Move(unfinished, path);
    }

    // A spot on skin with a few slow waves of its own and fine noise: each differs from every other as pictures of different lesions do.
    private static RgbImage Draw(int seed)
    {
        var random = new Random(seed);
        var image = new RgbImage(Width, Height);
        var waves = Enumerable.Range(0, 6).Select(_ => (
            Across: random.NextDouble() * 5 * Math.PI / Width, Down: random.NextDouble() * 5 * Math.PI / Height,
            Phase: random.NextDouble() * 2 * Math.PI, Strength: 4 + (random.NextDouble() * 16))).ToArray();
        var (centreX, centreY) = (Width * (0.3 + (random.NextDouble() * 0.4)), Height * (0.3 + (random.NextDouble() * 0.4)));
        var (radiusX, radiusY) = (Width * (0.12 + (random.NextDouble() * 0.25)), Height * (0.12 + (random.NextDouble() * 0.3)));
        var dark = 40 + (random.NextDouble() * 70);
        var noise = new byte[4096];
        random.NextBytes(noise);
        for (var y = 0; y < Height; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < Width; x++)
            {
                var light = 0.0;
                foreach (var wave in waves)
                    light += wave.Strength * Math.Sin((wave.Across * x) + (wave.Down * y) + wave.Phase);
                var (dx, dy) = ((x - centreX) / radiusX, (y - centreY) / radiusY);
                light -= dark * Math.Clamp(1.6 - (dx * dx) - (dy * dy), 0, 1);
                light += (noise[((x * 31) + (y * 97) + ((x * y) >> 3)) & 4095] & 31) - 16;
                row[3 * x] = (byte)Math.Clamp(205 + light, 0, 255);
                row[(3 * x) + 1] = (byte)Math.Clamp(160 + light, 0, 255);
                row[(3 * x) + 2] = (byte)Math.Clamp(140 + light, 0, 255);
            }
        }

        return image;
    }
}
