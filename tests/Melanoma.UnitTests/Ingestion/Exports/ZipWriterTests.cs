using System.IO.Compression;
using System.Text;
using Melanoma.Ingestion.Exports;

namespace Melanoma.UnitTests.Ingestion.Exports;

public sealed class ZipWriterTests
{
    private const long BeyondFourGibibytes = 5L << 30;

    private static readonly DateTimeOffset Time = new(2026, 5, 6, 7, 8, 10, TimeSpan.Zero);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(65_534)]
    [InlineData(70_000)]
    public async Task Should_be_read_back_whole_when_an_archive_has_any_number_of_entries(int count)
    {
        using var file = new MemoryStream();
        await WriteAsync(file, count);

        using var zip = new ZipArchive(file, ZipArchiveMode.Read);

        Assert.Equal(count + 1, zip.Entries.Count);
        Assert.Equal(string.Concat(Pieces()), ReadText(zip.GetEntry("täble.csv")!));
        Assert.Equal(Time.UtcDateTime, zip.GetEntry("täble.csv")!.LastWriteTime.DateTime);
        foreach (var i in new[] { 0, count / 2, count - 1 }.Where(i => i >= 0 && i < count))
            Assert.Equal($"content {i}", ReadText(zip.GetEntry($"images/{i}.jpg")!));
    }

    [Fact]
    public async Task Should_be_read_back_whole_when_entries_lie_beyond_four_gibibytes()
    {
        var path = Path.GetTempFileName();
        try
        {
            await using var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite);

            // A hole of five gibibytes, which takes no room on the disk.
            file.Position = BeyondFourGibibytes;
            await WriteAsync(file, 20);
            file.Position = 0;

            using var zip = new ZipArchive(file, ZipArchiveMode.Read);

            Assert.Equal(21, zip.Entries.Count);
            Assert.Equal("content 19", ReadText(zip.GetEntry("images/19.jpg")!));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task WriteAsync(Stream output, int count)
    {
        using var directory = new MemoryStream();
        var zip = new ZipWriter(output, directory, Time);
        await zip.AddTextAsync("täble.csv", Pieces().ToAsyncEnumerable(), Cancellation);
        for (var i = 0; i < count; i++)
            await zip.AddStoredAsync($"images/{i}.jpg", Encoding.UTF8.GetBytes($"content {i}"), Cancellation);
        await zip.FinishAsync(Cancellation);
    }

    private static IEnumerable<string> Pieces() => Enumerable.Range(0, 1000).Select(i => $"{i}: né à Zürich\r\n");

    private static string ReadText(ZipArchiveEntry entry)
    {
        using var reader = new StreamReader(entry.Open());
        return reader.ReadToEnd();
    }
}
