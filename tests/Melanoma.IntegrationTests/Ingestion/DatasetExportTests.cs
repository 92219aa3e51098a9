using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DatasetExportTests(TestServers servers)
{
    private const string Formula = "=HYPERLINK(\"http://example.org\",\"click\")";
    private const string Awkward = "Ärzte \"am Rhein\", a;b\nand more ";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_give_back_every_row_and_byte_when_a_dataset_is_exported()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        var pictures = Enumerable.Range(0, 90).Select(HostileFiles.Picture).ToArray();
        await host.DeliverAsync("lesions", pictures.Select((bytes, i) => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", bytes)), Cancellation);
        await host.ExecuteAsync($"""
            UPDATE images SET licence = 'CC-BY-4.0', age_years = 45, attribution = CASE number % 2 WHEN 0 THEN '{Formula}' ELSE '{Awkward}' END
            WHERE number <= 10
            """, Cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        var forgotten = (await host.Catalog.ListImagesAsync(new ListImagesRequest { PageSize = 1 }, cancellationToken: Cancellation)).Images[0];
        await host.Catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { forgotten.ImageId } }, cancellationToken: Cancellation);

        var (bytes, announced) = await ExportAsync(host, dataset.DatasetId);
        using var zip = new ZipArchive(new MemoryStream(bytes));

        var rows = CsvTable.Read(Text(zip, "dataset.csv"));
        Assert.Equal(89, rows.Count);
        Assert.Equal(89, rows.Select(row => row["image_id"]).Distinct().Count());
        Assert.Equal(91, zip.Entries.Count);
        foreach (var row in rows)
        {
            var content = Bytes(zip, row["file"]);
            Assert.Equal(row["sha256"], Convert.ToHexStringLower(SHA256.HashData(content)));
            var i = Array.FindIndex(pictures, picture => picture.AsSpan().SequenceEqual(content));
            Assert.Equal(($"ISIC_{i:0000000}", Diagnoses.Names[i % 9]), (row["isic_ids"], row["label"]));
            Assert.Equal($"images/{row["split"]}/{row["sha256"]}.jpg", row["file"]);
        }

        // Nine of the first ten are left: what a spreadsheet would run has an apostrophe in front, all else comes back as it was.
        Assert.Equal(["", $"'{Formula}", Awkward], rows.Select(row => row["attribution"]).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal((9, 9), (rows.Count(row => row["licence"] == "CC-BY-4.0"), rows.Count(row => row["age"] == "45")));
        var readme = Text(zip, "README.txt");
        Assert.All(dataset.Rules, rule => Assert.Contains(rule, readme, StringComparison.Ordinal));
        Assert.All(
            ["For research, not a medical device.", "- CC-BY-4.0: 9 images", "- unknown: 80 images", $"- {forgotten.ImageId} {forgotten.Sha256}"],
            line => Assert.Contains(line, readme, StringComparison.Ordinal));
        Assert.InRange(announced, bytes.Length / 2, bytes.Length * 2);
        Assert.Equal(bytes, (await ExportAsync(host, dataset.DatasetId)).Bytes);
        await AssertUnzipsAsync(bytes);
    }

    [Fact]
    public async Task Should_send_each_file_once_when_a_reproduction_has_a_picture_in_two_rows()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("files",
        [
            .. Enumerable.Range(0, 30).Select(i => ($"Train/{Diagnoses.Names[i % 3]}/{i}.jpg", HostileFiles.Picture(i))),
            ($"Test/{Diagnoses.Names[0]}/copy.jpg", HostileFiles.Picture(1)),
            ($"Test/{Diagnoses.Names[1]}/copy.jpg", HostileFiles.Picture(1)),
        ], Cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction }, cancellationToken: Cancellation);

        using var whole = new ZipArchive(new MemoryStream((await ExportAsync(host, dataset.DatasetId)).Bytes));
        using var table = new ZipArchive(new MemoryStream((await ExportAsync(host, dataset.DatasetId, withoutImages: true)).Bytes));

        var rows = CsvTable.Read(Text(whole, "dataset.csv"));
        Assert.Equal((32, 31, 33), (rows.Count, rows.Select(row => row["file"]).Distinct().Count(), whole.Entries.Count));
        Assert.Equal(["README.txt", "dataset.csv"], table.Entries.Select(entry => entry.FullName));
        Assert.All(CsvTable.Read(Text(table, "dataset.csv")), row => Assert.Equal("", row["file"]));
        var missing = await Assert.ThrowsAsync<RpcException>(() => ExportAsync(host, 99));
        Assert.Equal(StatusCode.NotFound, missing.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Should_end_the_export_when_an_image_is_forgotten_before_it_is_whole(bool withoutImages)
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("lesions", Enumerable.Range(0, 90).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))), Cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);

        // The export has begun, and cannot go on until the transaction that forgets an image has ended.
        await using var connection = await host.Database.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await using (var forget = connection.CreateCommand())
        {
            forget.CommandText = "LOCK TABLE image_isic_ids; UPDATE images SET forgotten_at = now() WHERE number = 45";
            await forget.ExecuteNonQueryAsync(Cancellation);
        }

        var export = ExportAsync(host, dataset.DatasetId, withoutImages);
        await IngestionHost.WaitAsync(
            async () => export.IsCompleted || await host.QueryAsync<long>(
                "SELECT count(*) FROM pg_locks WHERE relation = 'image_isic_ids'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND NOT granted",
                Cancellation) > 0,
            Cancellation);
        Assert.False(export.IsCompleted);
        await transaction.CommitAsync(Cancellation);

        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(() => export)).StatusCode);
        await ExportAsync(host, dataset.DatasetId, withoutImages);
    }

    private static async Task<(byte[] Bytes, long Announced)> ExportAsync(IngestionHost host, int dataset, bool withoutImages = false)
    {
        var request = new ExportDatasetRequest { DatasetId = dataset, WithoutImages = withoutImages };
        using var call = host.Datasets.ExportDataset(request, cancellationToken: Cancellation);
        var headers = await call.ResponseHeadersAsync;
        using var bytes = new MemoryStream();
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            Assert.InRange(chunk.Bytes.Length, 1, 256 * 1024);
            chunk.Bytes.WriteTo(bytes);
        }

        return (bytes.ToArray(), long.Parse(headers.GetValue("melanoma-export-bytes")!, System.Globalization.CultureInfo.InvariantCulture));
    }

    private static async Task AssertUnzipsAsync(byte[] bytes)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, bytes, Cancellation);
            foreach (var (tool, arguments) in new[] { ("unzip", $"-tqq {file}"), ("python3", $"-m zipfile -t {file}") })
            {
                if (!Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, tool))))
                    continue;
                using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true })!;
                await process.WaitForExitAsync(Cancellation);
                Assert.Equal((tool, 0), (tool, process.ExitCode));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Text(ZipArchive zip, string name)
    {
        using var reader = new StreamReader(zip.GetEntry(name)!.Open());
        return reader.ReadToEnd();
    }

    private static byte[] Bytes(ZipArchive zip, string name)
    {
        using var content = new MemoryStream();
        using var entry = zip.GetEntry(name)!.Open();
        entry.CopyTo(content);
        return content.ToArray();
    }
}
