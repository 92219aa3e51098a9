using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using Melanoma.Contracts.V1;
using Melanoma.Samples;
using Melanoma.Testing;
using Melanoma.UnitTests.Imaging;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Damaged and hostile files through the real service. The seed is fixed, so a failure can be had again.</summary>
public sealed class FuzzTests(TestServers servers)
{
    private const int FilesPerDelivery = 10;
    private const int MaxSecondsPerFile = 5;

    private static readonly string[] Endings = [".jpg", ".png", ".tif", ".bmp", ".zip", ".tar", ".tar.gz", ".csv", ".tsv", ".txt", ".dcm", ""];

    private static readonly string[] HostileNames =
        ["../up.jpg", "/etc/passwd", @"..\..\up.jpg", "C:/windows.jpg", "a/../../b.jpg", "\0.jpg", "a\nb.jpg", new string('n', 300), "./././x.jpg", "Train/unicorn/x.jpg", "\u202Egpj.exe"];

    private static readonly byte[][] Good =
    [
        HostileFiles.Picture(1),
        SyntheticLesions.DrawPng(2, 2, 40),
        new HandMadeTiff { Width = 32, Height = 32, Rows = [.. Enumerable.Range(0, 32).Select(y => Enumerable.Range(0, 96).Select(x => (byte)(x * y)).ToArray())] }.Write(),
        TestPictures.Bmp(SyntheticLesions.Draw(3, 3, 32)),
        HandMadeJpeg.Flat(64, 64, [10, 200, 90, 0], adobeTransform: 0),
        HostileFiles.Zip(("Train/nevus/a.jpg", HostileFiles.Picture(4)), ("labels.csv", "isic_id,diagnosis\nISIC_0000001,nevus\n"u8.ToArray())),
        HostileFiles.Tar(HostileFiles.TarFile("Train/nevus/a.jpg", HostileFiles.Picture(5)), HostileFiles.TarFile(new string('n', 200) + ".jpg", HostileFiles.Picture(6))),
        HostileFiles.Gzip(HostileFiles.Tar(HostileFiles.TarFile("Train/nevus/a.jpg", HostileFiles.Picture(7)))),
        Encoding.UTF8.GetBytes("lesion_id,image_id,dx,dx_type,age,sex,localization\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"HAM_{i},ISIC_{i:0000000},nv,histo,45.0,male,back\n"))),
    ];

    [Fact]
    public Task Should_account_for_every_file_when_a_thousand_are_damaged_or_hostile() => FuzzAsync(1_000, seed: 1, maxGrowthMegabytes: 700);

    [Fact]
    [Trait("form", "long")]
    public Task Should_account_for_every_file_when_ten_thousand_are_damaged_or_hostile() => FuzzAsync(10_000, seed: 2, maxGrowthMegabytes: 1024);

    private async Task FuzzAsync(int count, int seed, int maxGrowthMegabytes)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var memory = host.ResidentMemoryBytes;
        var random = new Random(seed);
        var (slowest, busiest) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var sent = 0; sent < count; sent += FilesPerDelivery)
        {
            var files = Enumerable.Range(sent, FilesPerDelivery)
                .Select(i => ($"{i}{random.Pick(Endings)}", MakeFile(random))).ToList<(string Path, byte[] Bytes)>();
            var (begin, used) = (Stopwatch.GetTimestamp(), host.ProcessorTime);
            var delivery = await host.DeliverAsync($"fuzz {sent}", files, cancellation);
            var took = Stopwatch.GetElapsedTime(begin);
            slowest = Max(slowest, took);
            busiest = Max(busiest, host.ProcessorTime - used);

            Assert.Equal(DeliveryState.Completed, delivery.State);
            Assert.Equal(delivery.Files, delivery.Stored + delivery.Duplicates + delivery.Refused + delivery.Metadata + delivery.Waiting);
            var reports = await host.FilesAsync(delivery.DeliveryId, cancellation);
            Assert.Equal(delivery.Files, reports.Count);
            Assert.All(files, file => Assert.True(
                reports.Keys.Any(path => path == file.Path || path.StartsWith(file.Path + "/", StringComparison.Ordinal)),
                $"{file.Path} has no line among {string.Join(", ", reports.Keys)}"));
            Assert.All(reports.Values.Where(file => file.Outcome == FileOutcome.Refused), file => Assert.NotEqual("", file.Reason));
            if (took.TotalSeconds > MaxSecondsPerFile)
                await CheckOneByOneAsync(host, files, cancellation);
        }

        var growth = host.PeakMemoryBytes - memory;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{count} files, ten of them took at most {slowest.TotalSeconds:0.00} s and {busiest.TotalSeconds:0.00} s of processor; "
            + $"at most {growth >> 20} MiB more than at the start");

        // Ten files together use less of the processor than one may take.
        Assert.InRange(busiest.TotalSeconds, 0, MaxSecondsPerFile);
        Assert.InRange(growth >> 20, 0, maxGrowthMegabytes);
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM images JOIN image_contents ON image_id = id WHERE sha256(bytes) <> sha256", cancellation));
    }

    /// <summary>Ten files took longer than one may: none of them does by itself.</summary>
    private static async Task CheckOneByOneAsync(IngestionHost host, List<(string Path, byte[] Bytes)> files, CancellationToken cancellationToken)
    {
        foreach (var file in files)
        {
            var begin = Stopwatch.GetTimestamp();
            await host.DeliverAsync($"{file.Path} alone", [file], cancellationToken);
            Assert.InRange(Stopwatch.GetElapsedTime(begin).TotalSeconds, 0, MaxSecondsPerFile);
        }
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static byte[] MakeFile(Random random) => random.Next(12) switch
    {
        0 => HostileFiles.PngHeader(random.Next(1, 60_000), random.Next(1, 60_000)),
        1 => HandMadeJpeg.Claiming(random.Next(1, 65_500), random.Next(1, 65_500)),
        2 => HostileFiles.Zip(zip => HostileFiles.AddBomb(zip, "Train/nevus/bomb.jpg", megabytes: random.Next(1, 30)), (random.Pick(HostileNames), HostileFiles.Picture(random.Next(50)))),
        3 => HostileFiles.Gzip(HostileFiles.Tar(HostileFiles.TarFile("bomb.jpg", new byte[random.Next(1, 30) << 20]))),
        4 => HostileFiles.Tar(
            HostileFiles.TarFile("good.jpg", HostileFiles.Picture(random.Next(50))),
            new PaxTarEntry(random.Next(2) == 0 ? TarEntryType.SymbolicLink : TarEntryType.HardLink, "link.jpg") { LinkName = random.Pick(HostileNames).Replace("\0", "", StringComparison.Ordinal) }),
        5 => Damage(random.Pick(Good), random, times: 2000),
        6 => [.. random.Pick(Good), .. random.Pick(Good)],
        7 => [.. Cut(random.Pick(Good), random), .. random.Pick(Good)],
        8 => Cut(random.Pick(Good), random),
        9 => TestPictures.PngAround(random.Next(16, 9000), random.Next(16, 9000), 8, random.Pick([0, 2, 3, 4, 6]), Deflated(random.Next(1, 8) << 20)),
        _ => Damage(random.Pick(Good), random, times: random.Next(1, 20)),
    };

    private static byte[] Damage(byte[] file, Random random, int times)
    {
        var damaged = file.ToArray();
        for (var i = 0; i < times; i++)
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
        return random.Next(3) == 0 ? Cut(damaged, random) : damaged;
    }

    private static byte[] Cut(byte[] file, Random random) => file[..random.Next(1, file.Length)];

    private static byte[] Deflated(int zeros)
    {
        using var packed = new MemoryStream();
        using (var stream = new System.IO.Compression.ZLibStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(new byte[zeros]);
        return packed.ToArray();
    }
}

internal static class RandomExtensions
{
    public static T Pick<T>(this Random random, T[] of) => of[random.Next(of.Length)];
}
