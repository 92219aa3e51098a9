using System.Formats.Tar;
using System.Text;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DeliveryTests(TestServers servers)
{
    [Fact]
    public async Task Should_count_every_file_exactly_when_good_and_bad_come_mixed()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var twice = HostileFiles.Picture(1);
        (string Path, byte[] Bytes)[] files =
        [
            ("Train/melanoma/ISIC_0000001.jpg", twice),
            ("Train/melanoma/ISIC_0000001(1).jpg", twice),
            ("isic9/Test/NEVUS/ISIC_0000002.jpg", HostileFiles.Picture(2)),
            ("loose.jpg", HostileFiles.Picture(3)),
            ("Train/nevus/empty.jpg", []),
            ("Train/nevus/text.jpg", Encoding.UTF8.GetBytes("This is no picture, whatever its name says.")),
            ("Train/nevus/cut.jpg", HostileFiles.Picture(4)[..^200]),
            ("Train/nevus/huge.jpg", [.. HostileFiles.Picture(5), .. new byte[50 * 1024 * 1024]]),
            ("Train/nevus/pixels.png", HostileFiles.PngHeader(30_000, 30_000)),
            ("Train/unicorn/a.jpg", HostileFiles.Picture(6)),
            (new string('a', 1001), HostileFiles.Picture(7)),
            ("../outside.jpg", HostileFiles.Picture(8)),
            ("Train/melanoma/ISIC_0000001.jpg", HostileFiles.Picture(9)),
            ("Train/.DS_Store", [1, 2, 3]),
            ("", HostileFiles.Picture(10)),
            ("Train/melanoma/", HostileFiles.Picture(11)),
        ];

        var delivery = await host.DeliverAsync("mixed", files, cancellation);

        Assert.Equal(DeliveryState.Completed, delivery.State);
        Assert.Equal((15, 3, 1, 11, 0), (delivery.Files, delivery.Stored, delivery.Duplicates, delivery.Refused, delivery.Conflicts));
        Assert.Equal(
            ["bad-path", "empty", "not-an-image", "path-too-long", "path-twice", "too-large", "too-many-pixels", "truncated", "unknown-class"],
            delivery.Refusals.Select(refusal => refusal.Reason).Order(StringComparer.Ordinal));
        Assert.Equal([("melanoma", 1), ("nevus", 1)], delivery.Classes.Select(row => (row.Diagnosis, row.Count)));
        var reports = await host.FilesAsync(delivery.DeliveryId, cancellation);
        Assert.Equal(15, reports.Count);
        Assert.Equal("The file has no name. Give it one.", reports["(no name)"].Reason);
        Assert.All(reports.Values.Where(file => file.Outcome == FileOutcome.Refused), file => Assert.EndsWith(".", file.Reason, StringComparison.Ordinal));
        Assert.Equal(FileOutcome.Stored, reports["Train/melanoma/ISIC_0000001.jpg"].Outcome);
        Assert.Contains("Train/melanoma/ISIC_0000001.jpg", reports["Train/melanoma/ISIC_0000001(1).jpg"].Reason, StringComparison.Ordinal);
        Assert.Contains(Diagnoses.Names[8], reports["Train/unicorn/a.jpg"].Reason, StringComparison.Ordinal);

        var distribution = await host.Catalog.GetClassDistributionAsync(new GetClassDistributionRequest(), cancellationToken: cancellation);
        Assert.Equal((3, 0, 1), (distribution.Images, distribution.Conflicts, distribution.Unlabelled));
        Assert.Equal(Diagnoses.Names, distribution.Classes.Select(row => row.Diagnosis));
    }

    [Fact]
    public async Task Should_change_nothing_but_its_own_record_when_a_delivery_comes_twice()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var files = Enumerable.Range(0, 40).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))).ToList();
        const string Everything = """
            SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
                SELECT images::text AS line FROM images UNION ALL SELECT label_claims::text FROM label_claims
                UNION ALL SELECT lesion_groups::text FROM lesion_groups UNION ALL SELECT image_isic_ids::text FROM image_isic_ids
                UNION ALL SELECT image_id || md5(bytes) FROM image_contents) AS lines
            """;

        var first = await host.DeliverAsync("first", files, cancellation);
        var before = await host.QueryAsync<string>(Everything, cancellation);
        var second = await host.DeliverAsync("second", files, cancellation);

        Assert.Equal((40, 0), (first.Stored, first.Duplicates));
        Assert.Equal((0, 40), (second.Stored, second.Duplicates));
        Assert.Equal(before, await host.QueryAsync<string>(Everything, cancellation));
        var deliveries = await host.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest(), cancellationToken: cancellation);
        Assert.Equal(["second", "first"], deliveries.Deliveries.Select(delivery => delivery.Name));
    }

    [Fact]
    public async Task Should_store_the_neighbours_when_an_archive_is_hostile()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__MaxArchiveEntries", "12"));
        var archive = HostileFiles.Zip(
            zip =>
            {
                HostileFiles.AddLink(zip, "Train/nevus/link.jpg", "/etc/passwd");
                HostileFiles.AddBomb(zip, "Train/nevus/bomb.jpg", megabytes: 200);
                for (var i = 0; i < 6; i++)
                    HostileFiles.AddBomb(zip, $"Train/nevus/many{i}.jpg", megabytes: 1);
            },
            ("Train/nevus/good.jpg", HostileFiles.Picture(1)),
            ("../../etc/cron.d/evil.jpg", HostileFiles.Picture(2)),
            ("/absolute.jpg", HostileFiles.Picture(3)),
            (@"..\windows.jpg", HostileFiles.Picture(4)),
            ("Train/nevus/nested.zip", HostileFiles.Zip(("a.jpg", HostileFiles.Picture(5)))),
            ("Train/nevus/", []),
            ("__MACOSX/Train/nevus/._good.jpg", [1]),
            ("Train/nevus/also good.jpg", HostileFiles.Picture(6)));

        var bombs = HostileFiles.Zip(zip =>
        {
            for (var i = 0; i < 12; i++)
                HostileFiles.AddBomb(zip, $"Train/nevus/bomb{i}.jpg", megabytes: 21);
        });

        var delivery = await host.DeliverAsync("hostile",
        [
            ("bombs.zip", bombs),
            ("hostile.zip", archive),
            ("secret.zip", HostileFiles.Encrypt(HostileFiles.Zip(("Train/nevus/s.jpg", HostileFiles.Picture(7))))),
            ("damaged.zip", HostileFiles.Damage(HostileFiles.Zip(("Train/nevus/d.jpg", HostileFiles.Picture(8)), ("Train/nevus/e.jpg", HostileFiles.Picture(9))), "Train/nevus/d.jpg")),
            ("cut.zip", archive[..(archive.Length / 2)]),
            ("Train/melanoma/beside.jpg", HostileFiles.Picture(10)),
        ], cancellation);

        var files = await host.FilesAsync(delivery.DeliveryId, cancellation);
        Assert.Equal(delivery.Files, files.Count);
        Assert.Equal(
            ["Train/melanoma/beside.jpg", "damaged.zip/Train/nevus/e.jpg", "hostile.zip/Train/nevus/also good.jpg", "hostile.zip/Train/nevus/good.jpg"],
            files.Values.Where(file => file.Outcome == FileOutcome.Stored).Select(file => file.Path).Order(StringComparer.Ordinal));
        var refusals = delivery.Refusals.ToDictionary(refusal => refusal.Reason, refusal => refusal.Count);
        Assert.Equal(3, refusals["bad-path"]);
        Assert.Equal(1, refusals["link"]);
        Assert.Equal(1, refusals["nested-archive"]);
        Assert.Equal(1, refusals["encrypted"]);
        Assert.Equal(11, refusals["too-large"]);
        Assert.Equal(2, refusals["expansion"]);
        Assert.Equal(4, refusals["not-an-image"]);
        Assert.Equal(2, refusals["too-many-entries"]);
        Assert.Equal(2, refusals["archive-damaged"]);
        Assert.Equal(27, refusals.Values.Sum());
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_store_the_neighbours_when_a_tar_archive_is_hostile()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__MaxArchiveEntries", "10"));
        var longName = $"Train/nevus/{new string('l', 150)}/{new string('n', 120)}.jpg";
        TarEntry[] entries =
        [
            HostileFiles.TarFile("Train/nevus/good.jpg", HostileFiles.Picture(1)),
            HostileFiles.TarFile("../../etc/cron.d/evil.jpg", HostileFiles.Picture(2)),
            HostileFiles.TarFile("/absolute.jpg", HostileFiles.Picture(3)),
            new PaxTarEntry(TarEntryType.SymbolicLink, "Train/nevus/link.jpg") { LinkName = "/etc/passwd" },
            new PaxTarEntry(TarEntryType.HardLink, "Train/nevus/hard.jpg") { LinkName = "/etc/passwd" },
            new PaxTarEntry(TarEntryType.Fifo, "Train/nevus/pipe.jpg"),
            new PaxTarEntry(TarEntryType.Directory, "Train/nevus"),
            HostileFiles.TarFile("Train/nevus/huge.jpg", [.. HostileFiles.Picture(4), .. new byte[21 * 1024 * 1024]]),
            HostileFiles.TarFile("Train/nevus/nested.tar.gz", HostileFiles.Gzip(HostileFiles.Tar(HostileFiles.TarFile("a.jpg", HostileFiles.Picture(5))))),
            HostileFiles.TarFile("__MACOSX/._good.jpg", [1]),
            HostileFiles.TarFile(longName, HostileFiles.Picture(6)),
        ];
        var tar = HostileFiles.Tar(entries);
        var old = HostileFiles.Tar(new V7TarEntry(TarEntryType.V7RegularFile, "Train/nevus/old.jpg") { DataStream = new MemoryStream(HostileFiles.Picture(7)) });
        var gnu = HostileFiles.Tar(new GnuTarEntry(TarEntryType.RegularFile, longName) { DataStream = new MemoryStream(HostileFiles.Picture(8)) });
        var whole = HostileFiles.Tar([.. Enumerable.Range(10, 8).Select(i => HostileFiles.TarFile($"Train/nevus/{i}.jpg", HostileFiles.Picture(i)))]);

        var delivery = await host.DeliverAsync("hostile",
        [
            ("plain.tar", tar),
            ("old.tar", old),
            ("gnu.tgz", HostileFiles.Gzip(gnu)),
            ("cut.tar", whole[..(whole.Length / 2)]),
            ("cut.tar.gz", HostileFiles.Gzip(whole)[..^2000]),
            ("many.tar", HostileFiles.Tar([.. Enumerable.Range(20, 11).Select(i => HostileFiles.TarFile($"{i}.jpg", HostileFiles.Picture(i)))])),
            ("bomb.tar.gz", HostileFiles.Gzip(HostileFiles.Tar([.. Enumerable.Range(0, 4).Select(i => HostileFiles.TarFile($"{i}.jpg", new byte[60 * 1024 * 1024]))]))),
            ("header.tar.gz", HostileFiles.Gzip(HostileFiles.ExtendedHeader(200_000_000))),
            ("picture.jpg.gz", HostileFiles.Gzip(HostileFiles.Picture(40))),
            ("empty.tar", HostileFiles.Tar(new PaxTarEntry(TarEntryType.Directory, "Train"))),
            ("Train/melanoma/beside.jpg", HostileFiles.Picture(41)),
        ], cancellation);

        var files = await host.FilesAsync(delivery.DeliveryId, cancellation);
        Assert.Equal(delivery.Files, files.Count);
        var stored = files.Values.Where(file => file.Outcome == FileOutcome.Stored).Select(file => file.Path).ToHashSet();
        Assert.Superset(
            new HashSet<string> { "Train/melanoma/beside.jpg", "plain.tar/Train/nevus/good.jpg", $"plain.tar/{longName}", "old.tar/Train/nevus/old.jpg", $"gnu.tgz/{longName}" }, stored);
        Assert.Equal(10, stored.Count(path => path.StartsWith("many.tar/", StringComparison.Ordinal)));
        Assert.InRange(stored.Count(path => path.StartsWith("cut.tar/", StringComparison.Ordinal)), 3, 4);
        var kinds = await host.KindsAsync(delivery.DeliveryId, cancellation);
        Assert.Equal("bad-path", kinds["plain.tar/../../etc/cron.d/evil.jpg"]);
        Assert.Equal("bad-path", kinds["/absolute.jpg"]);
        Assert.Equal("link", kinds["plain.tar/Train/nevus/link.jpg"]);
        Assert.Equal("link", kinds["plain.tar/Train/nevus/hard.jpg"]);
        Assert.Equal("not-a-file", kinds["plain.tar/Train/nevus/pipe.jpg"]);
        Assert.Equal("too-large", kinds["plain.tar/Train/nevus/huge.jpg"]);
        Assert.Equal("nested-archive", kinds["plain.tar/Train/nevus/nested.tar.gz"]);
        Assert.Equal("archive-damaged", kinds["cut.tar"]);
        Assert.Equal("archive-damaged", kinds["cut.tar.gz"]);
        Assert.Equal("too-many-entries", kinds["many.tar"]);
        Assert.Equal("expansion", kinds["bomb.tar.gz"]);
        Assert.Equal("unsupported-format", kinds["header.tar.gz"]);
        Assert.Equal("unsupported-format", kinds["picture.jpg.gz"]);
        Assert.Equal("empty", kinds["empty.tar"]);
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_wait_for_a_file_when_it_turns_out_shorter_or_longer_than_announced()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        using var call = host.Catalog.Ingest(cancellationToken: cancellation);
        await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = "copying" } }, cancellation);
        (string Path, byte[] Bytes, int Announced)[] files =
        [
            ("short.jpg", HostileFiles.Picture(1)[..500], 900), ("long.zip", HostileFiles.Zip(("a.jpg", HostileFiles.Picture(2))), 10),
            ("short.csv", "isic_id,diagnosis\nISIC_0000001,nevus\n"u8.ToArray(), 99), ("whole.jpg", HostileFiles.Picture(3), HostileFiles.Picture(3).Length),
        ];
        foreach (var (path, bytes, announced) in files)
        {
            await call.RequestStream.WriteAsync(new IngestRequest { File = new FileHeader { Path = path, Size = announced } }, cancellation);
            await call.RequestStream.WriteAsync(new IngestRequest { Chunk = Google.Protobuf.ByteString.CopyFrom(bytes) }, cancellation);
        }

        await call.RequestStream.CompleteAsync();
        var delivery = await call.ResponseAsync;

        Assert.Equal((4, 1, 3, 0), (delivery.Files, delivery.Stored, delivery.Waiting, delivery.Refused));
        Assert.All((await host.FilesAsync(delivery.DeliveryId, cancellation)).Values.Where(file => file.Path != "whole.jpg"), file =>
        {
            Assert.Equal(FileOutcome.Waiting, file.Outcome);
            Assert.Contains("Deliver it again", file.Reason, StringComparison.Ordinal);
        });
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM metadata_rows", cancellation));
    }

    [Fact]
    public async Task Should_park_the_image_when_the_same_bytes_come_in_two_classes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var disputed = HostileFiles.Picture(100);
        var settled = Enumerable.Range(0, 60).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/{i}.jpg", HostileFiles.Picture(i)));

        var delivery = await host.DeliverAsync("disputed",
            [.. settled, ("Train/melanoma/x.jpg", disputed), ("Test/seborrheic keratosis/x.jpg", disputed)], cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var again = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Honest }, cancellationToken: cancellation);
        var reproduction = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction }, cancellationToken: cancellation);

        Assert.Equal((61, 1, 1), (delivery.Stored, delivery.Duplicates, delivery.Conflicts));
        Assert.Equal(["seborrheic keratosis"], (await host.FilesAsync(delivery.DeliveryId, cancellation))["Train/melanoma/x.jpg"].ConflictingDiagnoses);
        Assert.Equal((60, 60, 0, 1), (dataset.Images, dataset.Groups, dataset.GroupsInTwoSplits, dataset.Parked));
        Assert.Equal(60, dataset.Splits.Sum(split => split.Classes.Sum(row => row.Count)));
        Assert.Equal(dataset, again);
        Assert.Equal((62, 0, 1), (reproduction.Images, reproduction.Groups, reproduction.GroupsInTwoSplits));
        Assert.Equal([49, 12, 1], reproduction.Splits.Select(split => split.Images));
        var listed = await host.Datasets.ListDatasetsAsync(new ListDatasetsRequest(), cancellationToken: cancellation);
        Assert.Equal([reproduction, dataset], listed.Datasets);
    }

    [Fact]
    public async Task Should_keep_each_image_once_when_the_service_is_killed_in_the_middle()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__BatchSize", "8"));
        var files = Enumerable.Range(0, 300).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))).ToList();
        await using var events = await ForgottenEvents.ReceiveAsync(host, cancellation);
        var earlier = await Kills.DeliverEarlierAsync(host, 100, cancellation);
        Task<int> forgetting;
        using (var call = host.Catalog.Ingest(cancellationToken: cancellation))
        {
            await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = "cut short" } }, cancellation);
            foreach (var (path, bytes) in files.Take(200))
                await IngestionHost.SendFileAsync(call.RequestStream, path, bytes, cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) > earlier.Length, cancellation);
            forgetting = Kills.ForgetOneByOneAsync(host, earlier, cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) > earlier.Length + 20, cancellation);

            // They are asked for one by one, so all before the newest have been answered.
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images WHERE forgotten_at IS NOT NULL", cancellation) >= 3, cancellation);
            await host.KillAndRestartAsync(cancellation);
        }

        var forgotten = await forgetting;
        var kept = await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) - earlier.Length;
        var delivery = await host.DeliverAsync("again", files, cancellation);

        Assert.Equal((300, 300 - kept, kept), (delivery.Files, delivery.Stored, delivery.Duplicates));
        Assert.Equal(300 + earlier.Length, await host.QueryAsync<long>("SELECT count(DISTINCT group_id) FROM images", cancellation));
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state = 'abandoned'", cancellation) == 1, cancellation);
        await Kills.CheckNothingLostAsync(host, 300 + earlier.Length, forgotten, events, cancellation);
    }

    [Fact]
    [Trait("form", "long")]
    public async Task Should_keep_each_image_once_when_the_service_is_killed_three_times_in_two_thousand_files()
    {
        const int Count = 2000;
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__BatchSize", "32"));
        var files = Enumerable.Range(0, Count).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))).ToList();
        var random = new Random(20_26);
        await using var events = await ForgottenEvents.ReceiveAsync(host, cancellation);
        var earlier = await Kills.DeliverEarlierAsync(host, 900, cancellation);
        var forgotten = 0;
        for (var kill = 0; kill < 3; kill++)
        {
            var stored = await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation);
            var enough = stored + 1 + random.Next(500);
            var delivering = host.DeliverAsync($"killed {kill}", files, cancellation);
            var forgetting = Kills.ForgetOneByOneAsync(host, earlier[(300 * kill)..(300 * (kill + 1))], cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) >= enough, cancellation);
            await host.KillAndRestartAsync(cancellation);
            await Assert.ThrowsAnyAsync<Exception>(() => delivering);
            forgotten += await forgetting;
        }

        var kept = await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) - earlier.Length;
        var delivery = await host.DeliverAsync("whole", files, cancellation);

        Assert.Equal((Count, Count - kept, kept), (delivery.Files, delivery.Stored, delivery.Duplicates));
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state = 'abandoned'", cancellation) == 3, cancellation);
        await Kills.CheckNothingLostAsync(host, Count + earlier.Length, forgotten, events, cancellation);
    }

    [Fact]
    public async Task Should_store_each_image_once_when_two_deliveries_bring_the_same_at_the_same_time()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__BatchSize", "16"));
        var files = Enumerable.Range(0, 200).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i / 2:0000000}_{i}.jpg", HostileFiles.Picture(i))).ToList();

        var deliveries = await Task.WhenAll(
            host.DeliverAsync("forwards", files, cancellation),
            host.DeliverAsync("backwards", Enumerable.Reverse(files), cancellation));

        Assert.Equal(200, deliveries.Sum(delivery => delivery.Stored));
        Assert.Equal(200, deliveries.Sum(delivery => delivery.Duplicates));
        Assert.Equal(100, await host.QueryAsync<long>("SELECT count(DISTINCT group_id) FROM images", cancellation));
    }

    [Fact]
    public async Task Should_keep_what_came_when_the_sender_goes_away()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        using (var call = host.Catalog.Ingest(cancellationToken: cancellation))
        {
            await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = "gone" } }, cancellation);
            await IngestionHost.SendFileAsync(call.RequestStream, "whole.jpg", HostileFiles.Picture(1), cancellation);
            await IngestionHost.SendFileAsync(call.RequestStream, "perhaps not whole.jpg", HostileFiles.Picture(2), cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) == 1, cancellation);
            Assert.True(Guid.TryParse((await call.ResponseHeadersAsync).GetValue("melanoma-delivery-id"), out _));
        }

        await IngestionHost.WaitAsync(async () =>
        {
            var delivery = Assert.Single((await host.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest(), cancellationToken: cancellation)).Deliveries);
            return delivery is { State: DeliveryState.Abandoned, Stored: 1 };
        }, cancellation);
    }

    [Fact]
    public async Task Should_take_a_delivery_when_others_have_said_nothing_yet()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(
            servers, cancellation, ("Ingestion__Deliveries__MaxConcurrent", "1"), ("Ingestion__Deliveries__MaxSilenceSeconds", "3"));
        using var silent = host.Catalog.Ingest(cancellationToken: cancellation);
        using var silentToo = host.Catalog.Ingest(cancellationToken: cancellation);

        var delivery = await host.DeliverAsync("talks", [("a.jpg", HostileFiles.Picture(1))], cancellation);

        Assert.Equal((DeliveryState.Completed, 1), (delivery.State, delivery.Stored));
        await RefusedAsync(StatusCode.DeadlineExceeded, async () => await silent.ResponseAsync);
        await RefusedAsync(StatusCode.DeadlineExceeded, async () => await silentToo.ResponseAsync);
    }

    [Fact]
    public async Task Should_complete_the_delivery_when_the_connection_of_its_lock_was_cut()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        using var call = host.Catalog.Ingest(cancellationToken: cancellation);
        await call.RequestStream.WriteAsync(new IngestRequest { Header = new DeliveryHeader { Name = "cut" } }, cancellation);
        await call.ResponseHeadersAsync;

        Assert.Equal(1, await host.QueryAsync<long>(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", cancellation));
        await IngestionHost.SendFileAsync(call.RequestStream, "a.jpg", HostileFiles.Picture(1), cancellation);
        await call.RequestStream.CompleteAsync();

        var delivery = await call.ResponseAsync;
        Assert.Equal((DeliveryState.Completed, 1), (delivery.State, delivery.Stored));
    }

    [Fact]
    public async Task Should_leave_no_lock_in_the_pool_when_it_cannot_be_given_back()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.ExecuteAsync("REVOKE EXECUTE ON FUNCTION pg_advisory_unlock_all() FROM PUBLIC", cancellation);

        var delivery = await host.DeliverAsync("locked", [("a.jpg", HostileFiles.Picture(1))], cancellation);

        Assert.Equal((DeliveryState.Completed, 1), (delivery.State, delivery.Stored));
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", cancellation) == 0, cancellation);
    }

    [Fact]
    public async Task Should_say_what_to_do_when_a_request_is_wrong()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        await RefusedAsync(StatusCode.InvalidArgument, async () =>
        {
            using var call = host.Catalog.Ingest(cancellationToken: cancellation);
            await call.RequestStream.WriteAsync(new IngestRequest { File = new FileHeader { Path = "a.jpg" } }, cancellation);
            await call.ResponseAsync;
        });
        await RefusedAsync(StatusCode.InvalidArgument, async () => await host.DeliverAsync(new string('n', 201), [], cancellation));
        await RefusedAsync(StatusCode.InvalidArgument, async () => await host.Catalog.GetDeliveryAsync(new GetDeliveryRequest { DeliveryId = "7" }, cancellationToken: cancellation));
        await RefusedAsync(StatusCode.NotFound, async () => await host.Catalog.GetDeliveryAsync(new GetDeliveryRequest { DeliveryId = Guid.NewGuid().ToString() }, cancellationToken: cancellation));
        await RefusedAsync(StatusCode.NotFound, async () => await host.Datasets.GetDatasetAsync(new GetDatasetRequest { DatasetId = 99 }, cancellationToken: cancellation));
        await RefusedAsync(StatusCode.FailedPrecondition, async () => await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation));
        await RefusedAsync(StatusCode.FailedPrecondition, async () => await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction }, cancellationToken: cancellation));

        var empty = await host.DeliverAsync("", [], cancellation);
        Assert.Equal((DeliveryState.Completed, 0), (empty.State, empty.Files));
    }

    private static async Task RefusedAsync(StatusCode code, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(code, refusal.StatusCode);
        Assert.EndsWith(".", refusal.Status.Detail, StringComparison.Ordinal);
    }
}
