using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using CsCheck;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DatasetTests(TestServers servers)
{
    private const int Mixes = 6;

    // Pictures, ids and folders from small ranges, so that copies, shared ids, contradictions and Test folders meet often.
    private static readonly Gen<(string Path, byte[] Bytes)[]> GenMix =
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 40], Gen.Int[0, 8], Gen.Int[0, 9], (picture, id, diagnosis, folder) => (picture, id, diagnosis, folder))
            .Array[20, 60]
            .Select(files => files.Select((file, i) => (
                $"{(file.folder == 0 ? "Test" : "Train")}/{Diagnoses.Names[(file.picture + (file.diagnosis == 0 ? 1 : 0)) % 9]}/ISIC_{file.id:0000000}_{i}.jpg",
                HostileFiles.Picture(file.picture))).ToArray());

    [Fact]
    public async Task Should_keep_every_lesion_in_one_split_for_ever_when_any_mix_of_deliveries_comes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("base", Enumerable.Range(0, 60).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/base{i}.jpg", HostileFiles.Picture(1000 + i))), cancellation);

        await GenMix.SampleAsync(async files =>
        {
            await host.DeliverAsync("mix", files, cancellation);
            var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

            Assert.Equal(0, dataset.GroupsInTwoSplits);
            Assert.Equal(0, await CountAsync("label_state <> 'settled'"));
            Assert.Equal(0, await CountAsync("item.split <> lesion_groups.split"));
            Assert.Equal(0, await CountAsync("lesion_groups.delivered_as_test AND item.split <> 'test'"));
            Assert.Equal(0, await CountAsync("item.group_id <> images.group_id"));
            Assert.Equal(0, await host.QueryAsync<long>(
                "SELECT count(*) FROM (SELECT isic_id FROM image_isic_ids JOIN images ON images.id = image_id GROUP BY isic_id HAVING count(DISTINCT group_id) > 1) AS x", cancellation));

            Task<long> CountAsync(string condition) => host.QueryAsync<long>($"""
                SELECT count(*) FROM dataset_items AS item JOIN images ON images.id = image_id JOIN lesion_groups ON lesion_groups.id = images.group_id
                WHERE dataset_id = {dataset.DatasetId} AND ({condition})
                """, cancellation);
        }, iter: Mixes, threads: 1);

        // What is counted from the groups that were joined is what the images say.
        foreach (var dataset in (await host.Datasets.ListDatasetsAsync(new ListDatasetsRequest(), cancellationToken: cancellation)).Datasets)
        {
            Assert.Equal(dataset.GroupsInTwoSplits, await host.QueryAsync<long>($"""
                SELECT count(*) FROM (
                    SELECT images.group_id FROM dataset_items JOIN images ON images.id = image_id WHERE dataset_id = {dataset.DatasetId}
                    GROUP BY images.group_id HAVING count(DISTINCT split) > 1) AS divided
                """, cancellation));
        }

        // A split that was drawn changes only to test.
        Assert.Equal(0, await host.QueryAsync<long>("""
            SELECT count(*) FROM dataset_groups AS early JOIN dataset_groups AS late USING (group_id)
            WHERE early.dataset_id < late.dataset_id AND early.split <> late.split AND late.split <> 'test'
            """, cancellation));
    }

    [Fact]
    public async Task Should_show_the_divided_lesion_when_two_groups_turn_out_to_be_one_after_the_snapshot()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("apart", Enumerable.Range(0, 80).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))), cancellation);
        var before = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var (train, validation) = await PairOfOneDiagnosisAsync();

        // The bytes of one lesion under the id of the other: both are the same lesion.
        await host.DeliverAsync("joined", [($"Train/{Diagnoses.Names[train % 9]}/ISIC_{validation:0000000}.jpg", HostileFiles.Picture(train))], cancellation);
        var after = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var flagged = await host.Datasets.GetDatasetAsync(new GetDatasetRequest { DatasetId = before.DatasetId }, cancellationToken: cancellation);

        Assert.Equal((0, 80), (before.GroupsInTwoSplits, before.Groups));
        Assert.Equal((0, 79), (after.GroupsInTwoSplits, after.Groups));
        Assert.Equal(1, flagged.GroupsInTwoSplits);
        Assert.Equal("test", await host.QueryAsync<string>(
            $"SELECT DISTINCT split FROM lesion_groups JOIN images ON group_id = lesion_groups.id JOIN image_isic_ids ON image_id = images.id WHERE isic_id = 'ISIC_{train:0000000}'", cancellation));

        async Task<(int Train, int Validation)> PairOfOneDiagnosisAsync()
        {
            var pair = (await host.QueryAsync<string>("""
                SELECT min(train_id.isic_id || validation_id.isic_id)
                FROM dataset_items AS train JOIN image_isic_ids AS train_id ON train_id.image_id = train.image_id
                JOIN dataset_items AS validation ON validation.label = train.label AND validation.split = 'validation'
                JOIN image_isic_ids AS validation_id ON validation_id.image_id = validation.image_id
                WHERE train.split = 'train'
                """, cancellation)).Split("ISIC_");
            return (int.Parse(pair[1], CultureInfo.InvariantCulture), int.Parse(pair[2], CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task Should_find_what_the_audit_found_when_the_nine_class_delivery_comes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var archive = await File.ReadAllBytesAsync(SharedData.Require("isic9.zip"), cancellation);
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        var delivery = await host.DeliverAsync("isic9.zip", [("isic9.zip", archive)], cancellation);
        var honest = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var reproduction = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction }, cancellationToken: cancellation);

        // 77 + 78, and ISIC_0000521, which shows the same lesion as the disputed ISIC_0010990.
        Assert.Equal((2359, 2200, 159, 0, 156), (delivery.Files, delivery.Stored, delivery.Duplicates, delivery.Refused, delivery.Conflicts));
        Assert.Equal((2044, 156, 0), (honest.Images, honest.Parked, honest.GroupsInTwoSplits));
        Assert.Contains(honest.Rules, rule => rule.StartsWith(
            "Of the 118 distinct images delivered in a Test folder, 18 are byte copies of images delivered in a Train folder", StringComparison.Ordinal));
        Assert.Equal([1793, 448, 118], reproduction.Splits.Select(split => split.Images));
        Assert.True(reproduction.GroupsInTwoSplits >= 18);
    }

    [Fact]
    public async Task Should_give_the_same_hash_when_the_same_content_comes_in_another_order()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var files = Enumerable.Range(0, 60)
            .Select(i => ($"{(i % 10 == 0 ? "Test" : "Train")}/{Diagnoses.Names[i / 2 % 9]}/ISIC_{i / 2:0000000}_{i}.jpg", HostileFiles.Picture(i))).ToArray();
        var expected = await HashAsync(files);

        await Gen.Shuffle(files).SampleAsync(async shuffled => Assert.Equal(expected, await HashAsync(shuffled)), iter: 2, threads: 1);

        async Task<string> HashAsync((string, byte[])[] delivered)
        {
            await using var host = await IngestionHost.StartAsync(servers, cancellation);
            await host.DeliverAsync("one half", delivered[..20], cancellation);
            await host.DeliverAsync("the other", delivered[20..], cancellation);
            return (await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation)).ContentHash;
        }
    }

    [Fact]
    public async Task Should_take_only_what_the_licences_allow_and_split_as_without_them_when_a_dataset_is_limited()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var files = Enumerable.Range(1, 160).Select(i => ($"Train/{Diagnoses.Names[i / 2 % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i)));
        await host.DeliverAsync("lesions", files, cancellation);
        string[] licences = ["CC BY-NC 4.0", "CC0-1.0", ""];
        var table = CsvTable.Write(
            "isic_id,diagnosis,lesion_id,licence", Enumerable.Range(1, 160).Select(i => $"ISIC_{i:0000000},,L{i / 2},{licences[i % 3]}"));
        await host.DeliverAsync("licences", [("labels.csv", table)], cancellation);
        await host.ExecuteAsync(
            "UPDATE images SET excluded_at = now() WHERE id IN (SELECT image_id FROM image_isic_ids WHERE isic_id IN ('ISIC_0000003', 'ISIC_0000006', 'ISIC_0000009', 'ISIC_0000012', 'ISIC_0000015'))",
            cancellation);
        var forgotten = (await host.Catalog.ListImagesAsync(new ListImagesRequest { IsicId = "ISIC_0000018" }, cancellationToken: cancellation)).Images.Single();
        await host.Catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { forgotten.ImageId } }, cancellationToken: cancellation);

        var limited = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Licences = { "cc-by-nc-4.0" } }, cancellationToken: cancellation);
        var all = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

        Assert.Equal(["CC-BY-NC-4.0"], limited.Licences);
        Assert.Empty(all.Licences);
        Assert.Equal(53 - 6, limited.Images);
        Assert.Equal(160 - 6, all.Images);
        Assert.Equal(0, await host.QueryAsync<long>(
            $"""
            SELECT count(*) FROM dataset_items JOIN images ON images.id = image_id
            WHERE dataset_id = {limited.DatasetId} AND licence IS DISTINCT FROM 'CC-BY-NC-4.0'
            """, cancellation));
        Assert.Contains("Only images under these licences were taken: CC-BY-NC-4.0.", limited.Rules);
        Assert.Equal(
            [("conflict", 0), ("unlabelled", 0), ("excluded", 5), ("forgotten", 1), ("licence", 107)], limited.LeftOut.Select(part => (part.Reason, part.Count)));
        var free = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Licences = { "CC0 1.0", "cc0-1.0" } }, cancellationToken: cancellation);
        Assert.Equal(("CC-0", 54), (free.Licences.Single(), free.Images));
        Assert.Contains(limited.Rules, rule => rule.EndsWith(
            "5 images that a reviewer excluded, 1 images that were forgotten, and 107 images under another licence.", StringComparison.Ordinal));
        await AssertDrawnBySmallestHashAsync();
        await RefusedAsync(
            new CreateDatasetRequest { Licences = { "CC-BY-NC-4.0", "MIT" } }, "No image has the licence 'MIT'. The catalogue has: CC-0, CC-BY-NC-4.0, unknown.");
        await RefusedAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction, Licences = { "unknown" } }, "Only honest datasets");

        async Task AssertDrawnBySmallestHashAsync()
        {
            await using var command = host.Database.CreateCommand("""
                SELECT DISTINCT ON (group_id) sha256, split FROM images JOIN lesion_groups ON lesion_groups.id = group_id
                WHERE split IS NOT NULL ORDER BY group_id, sha256
                """);
            await using var rows = await command.ExecuteReaderAsync(cancellation);
            var groups = 0;
            for (; await rows.ReadAsync(cancellation); groups++)
            {
                var draw = (int)(new BigInteger(SHA256.HashData(rows.GetFieldValue<byte[]>(0)), isUnsigned: true, isBigEndian: true) % 100);
                Assert.Equal(draw < 70 ? "train" : draw < 85 ? "validation" : "test", rows.GetString(1));
            }

            Assert.True(groups > 70);
        }

        async Task RefusedAsync(CreateDatasetRequest request, string says)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => host.Datasets.CreateDatasetAsync(request, cancellationToken: cancellation).ResponseAsync);
            Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
            Assert.Contains(says, refusal.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Should_make_another_dataset_only_when_more_is_known_of_the_same_content()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("lesions", Enumerable.Range(0, 80).Select(i => ($"Train/{Diagnoses.Names[i % 2]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))), cancellation);
        var table = CsvTable.Write(
            "isic_id,diagnosis,source,licence", Enumerable.Range(0, 80).Select(i => $"ISIC_{i:0000000},,{(i % 2 == 0 ? "north" : "south")},CC-0"));

        var before = await CreateAsync();
        var again = await CreateAsync();
        await host.DeliverAsync("sources", [("labels.csv", table)], cancellation);
        var after = await CreateAsync();
        var limited = await CreateAsync("CC-0");

        Assert.Equal(before, again);
        Assert.Equal([1, 2, 3], new[] { before, after, limited }.Select(dataset => dataset.DatasetId));
        Assert.Single(new[] { before, after, limited }.Select(dataset => dataset.ContentHash).Distinct());
        Assert.Equal((0, 1.0), (VOf(before), VOf(after)));
        Assert.DoesNotContain(after.Rules, IsLicenceRule);
        Assert.Contains(limited.Rules, IsLicenceRule);
        Assert.Equal((after, limited), (await CreateAsync(), await CreateAsync("CC-0")));

        static double VOf(Dataset dataset) => Math.Round(dataset.Shortcuts.Properties.Where(property => property.Property == "source").Sum(property => property.CramersV), 1);

        static bool IsLicenceRule(string rule) => rule == "Only images under these licences were taken: CC-0.";

        async Task<Dataset> CreateAsync(params string[] licences) =>
            await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Licences = { licences } }, cancellationToken: cancellation);
    }

    [Fact]
    public async Task Should_name_every_change_when_two_datasets_are_compared()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var files = Enumerable.Range(0, 80).Select(i => ($"Train/{Diagnoses.Names[i % 2]}/{i}.jpg", HostileFiles.Picture(i))).ToList();
        await host.DeliverAsync("first", files, cancellation);
        var before = await CreateAsync(DatasetKind.Honest);
        var filesBefore = await CreateAsync(DatasetKind.Reproduction);
        await host.DeliverAsync("second",
        [
            .. Enumerable.Range(100, 20).Select(i => ($"Train/{Diagnoses.Names[i % 2]}/{i}.jpg", HostileFiles.Picture(i))),
            ($"Train/{Diagnoses.Names[1]}/again.jpg", files[0].Item2),
            ($"Test/{Diagnoses.Names[0]}/test.jpg", files[2].Item2),
        ], cancellation);
        var moved = await host.QueryAsync<int>(
            $"SELECT (split <> 'test')::int FROM dataset_items WHERE dataset_id = {before} AND image_id = {ImageOf(2)}", cancellation);
        await host.ExecuteAsync($"UPDATE images SET label = 4 WHERE id = {ImageOf(4)}", cancellation);

        var after = await CreateAsync(DatasetKind.Honest);
        var filesAfter = await CreateAsync(DatasetKind.Reproduction);
        var difference = await DiffAsync(before, after);

        Assert.Equal((20, 1, 1, moved, 78 - moved), (difference.Added, difference.Removed, difference.Relabelled, difference.Moved, difference.Unchanged));
        Assert.Equal(22 + moved, difference.Changes.Count);
        var removed = Assert.Single(difference.Changes, change => change.ToSplit.Length == 0);
        Assert.Equal(Diagnoses.Names[0], Assert.Single(removed.FromLabel));
        Assert.Empty(removed.ToLabel);
        Assert.Empty((await DiffAsync(after, after)).Changes);
        var reproduction = await DiffAsync(filesBefore, filesAfter);
        Assert.Equal((20, 0, 1), (reproduction.Added, reproduction.Removed, reproduction.Relabelled));
        var refusal = await Assert.ThrowsAsync<RpcException>(() => DiffAsync(before, filesBefore));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => DiffAsync(before, 99))).StatusCode);

        static string ImageOf(int i) => $"(SELECT image_id FROM delivery_files WHERE path LIKE '%/{i}.jpg')";

        async Task<int> CreateAsync(DatasetKind kind) =>
            (await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = kind }, cancellationToken: cancellation)).DatasetId;

        async Task<DatasetDifference> DiffAsync(int from, int to) =>
            await host.Datasets.DiffDatasetsAsync(new DiffDatasetsRequest { FromDatasetId = from, ToDatasetId = to }, cancellationToken: cancellation);
    }
}
