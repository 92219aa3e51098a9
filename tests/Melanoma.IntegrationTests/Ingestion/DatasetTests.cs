using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Storage;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DatasetTests(TestServers servers)
{
    private const int EverydayMixes = 6;
    private const int AllMixes = 60;
    private const int Symmetries = 8;

    private static readonly string[] HamDiagnoses = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc", ""];

    // Pictures, ids, lesions and folders from small ranges, so that copies, shared ids, contradictions and Test folders meet often.
    private static readonly Gen<(string Path, byte[] Bytes)[]> GenPictures =
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 60], Gen.Int[0, 8], Gen.Int[0, 9], (picture, id, diagnosis, folder) => (picture, id, diagnosis, folder))
            .Array[20, 60]
            .Select(files => files.Select((file, i) =>
                (PathOf(file.folder, file.picture + (file.diagnosis == 0 ? 1 : 0), file.id, i), HostileFiles.Picture(file.picture))).ToArray());

    // Large enough to be recognised when they are mirrored or turned; every id is its own, so that only the picture can say that they are the same.
    private static readonly Gen<(string Path, byte[] Bytes)[]> GenTurned =
        Gen.Select(Gen.Int[0, 20], Gen.Int[0, Symmetries - 1], Gen.Int[0, 9], (lesion, symmetry, folder) => (lesion, symmetry, folder))
            .Array[2, 8]
            .Select(files => files.Select(file =>
                (PathOf(file.folder, file.lesion, 1000 + (file.lesion * Symmetries) + file.symmetry, 0), TurnedLesion(file.lesion, file.symmetry))).ToArray());

    private static readonly Gen<(string Path, byte[] Bytes)> GenTable =
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 30], Gen.Int[0, HamDiagnoses.Length - 1], Gen.Bool, (id, lesion, diagnosis, isHisto) =>
                $"HAM_{lesion:0000000},ISIC_{id:0000000},{HamDiagnoses[diagnosis]},{(isHisto ? "histo" : "consensus")},45.0,male,back\n")
            .Array[1, 8]
            .Select(rows => ("tables/metadata.csv", Encoding.UTF8.GetBytes("lesion_id,image_id,dx,dx_type,age,sex,localization\n" + string.Concat(rows))));

    private static readonly Gen<(int Action, int Image, int Diagnosis)[]> GenDecisions =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 9_999], Gen.Int[0, 8], (action, image, diagnosis) => (action, image, diagnosis)).Array[0, 5];

    private static readonly Gen<((string Path, byte[] Bytes)[] Files, (int Action, int Image, int Diagnosis)[] Decisions)> GenMix =
        Gen.Select(GenPictures, GenTurned, GenTable, GenDecisions, Gen.Bool, (pictures, turned, table, decisions, tableFirst) =>
            (tableFirst ? [table, .. pictures, .. turned] : ((string, byte[])[])[.. turned, .. pictures, table], decisions));

    [Fact]
    public async Task Should_keep_every_lesion_in_one_split_for_ever_when_any_mix_of_deliveries_comes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("base", Enumerable.Range(0, 60).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/base{i}.jpg", HostileFiles.Picture(1000 + i))), cancellation);

        // Each mix comes to what the ones before left, so their seeds are fixed here: mix 4 is the same one in every run.
        var mixes = Environment.GetEnvironmentVariable("MELANOMA_TEST_ALL") is null ? EverydayMixes : AllMixes;
        for (var mix = 0; mix < mixes; mix++)
        {
            var (files, decisions) = GenMix.Generate(new PCG((uint)mix, seed: 2026), null, out _);
            await host.DeliverAsync($"mix {mix}", files.DistinctBy(file => file.Path), cancellation);
            foreach (var (action, image, diagnosis) in decisions)
                await DecideAsync(action, image, diagnosis);
            var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

            Assert.Equal(0, dataset.GroupsInTwoSplits);
            Assert.Equal(0, await CountAsync("label_state <> 'settled'"));
            Assert.Equal(0, await CountAsync("excluded_at IS NOT NULL"));
            Assert.Equal(0, await CountAsync("item.split <> lesion_groups.split"));
            Assert.Equal(0, await CountAsync("lesion_groups.delivered_as_test AND item.split <> 'test'"));
            Assert.Equal(0, await CountAsync("item.group_id <> images.group_id"));
            Assert.Equal(0, await host.QueryAsync<long>(
                "SELECT count(*) FROM (SELECT isic_id FROM image_isic_ids JOIN images ON images.id = image_id GROUP BY isic_id HAVING count(DISTINCT group_id) > 1) AS x", cancellation));
            Assert.Equal(0, await host.QueryAsync<long>("""
                SELECT count(*) FROM (SELECT lesion_id FROM metadata_rows JOIN image_isic_ids USING (isic_id) JOIN images ON images.id = image_id
                WHERE lesion_id IS NOT NULL GROUP BY lesion_id HAVING count(DISTINCT group_id) > 1) AS x
                """, cancellation));
            Assert.Equal(0, await host.QueryAsync<long>("""
                SELECT count(*) FROM near_duplicates
                JOIN images AS copy ON copy.id = near_duplicates.image_id JOIN images AS original ON original.id = duplicate_of_id
                WHERE copy.group_id <> original.group_id
                """, cancellation));

            Task<long> CountAsync(string condition) => host.QueryAsync<long>($"""
                SELECT count(*) FROM dataset_items AS item JOIN images ON images.id = image_id JOIN lesion_groups ON lesion_groups.id = images.group_id
                WHERE dataset_id = {dataset.DatasetId} AND ({condition})
                """, cancellation);
        }

        // Each of what joins lesions was there.
        Assert.NotEqual(0, await host.QueryAsync<long>("SELECT count(*) FROM near_duplicates", cancellation));
        Assert.NotEqual(0, await host.QueryAsync<long>("""
            SELECT count(*) FROM
                (SELECT lesion_id FROM metadata_rows JOIN image_isic_ids USING (isic_id) GROUP BY lesion_id HAVING count(DISTINCT isic_id) > 1) AS x
            """, cancellation));
        var log = await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest { PageSize = 1000 }, cancellationToken: cancellation);
        Assert.Equal(["exclude", "settle", "undo"], log.Decisions.Select(decision => decision.Action).Distinct().Order(StringComparer.Ordinal));

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

        async Task DecideAsync(int action, int image, int diagnosis)
        {
            var id = await host.QueryAsync<Guid>($"SELECT id FROM images ORDER BY number OFFSET {image} % (SELECT count(*) FROM images) LIMIT 1", cancellation);
            var selection = new ImageSelection { ImageIds = { id.ToString() } };
            if (action == 0)
            {
                await host.Reviews.SettleImagesAsync(
                    new SettleImagesRequest { Selection = selection, Diagnoses = { Diagnoses.Names[diagnosis] } }, cancellationToken: cancellation);
            }
            else if (action == 1)
            {
                await host.Reviews.ExcludeImagesAsync(new ExcludeImagesRequest { Selection = selection }, cancellationToken: cancellation);
            }
            else
            {
                var decisions = await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest(), cancellationToken: cancellation);
                if (decisions.Decisions.FirstOrDefault(decision => decision.Action != "undo" && !decision.HasUndoneByDecisionId) is { } decided)
                    await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = decided.DecisionId }, cancellationToken: cancellation);
            }
        }
    }

    private static string PathOf(int folder, int diagnosis, int id, int number) =>
        $"{(folder == 0 ? "Test" : "Train")}/{Diagnoses.Names[diagnosis % 9]}/ISIC_{id:0000000}_{number}.jpg";

    /// <summary>One of the eight ways in which a square picture can lie.</summary>
    private static byte[] TurnedLesion(int lesion, int symmetry)
    {
        var picture = SyntheticLesions.Draw(lesion % 9, 5000 + lesion, 96);
        var turned = new RgbImage(picture.Width, picture.Height);
        for (var y = 0; y < picture.Height; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                var fromX = (symmetry & 1) == 0 ? x : picture.Width - 1 - x;
                var fromY = (symmetry & 2) == 0 ? y : picture.Height - 1 - y;
                if ((symmetry & 4) != 0)
                    (fromX, fromY) = (fromY, fromX);
                picture.Row(fromY).Slice(3 * fromX, 3).CopyTo(turned.Row(y)[(3 * x)..]);
            }
        }

        return ImageEncoder.EncodeJpeg(turned, 92);
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
    public async Task Should_be_refused_by_the_database_when_a_lesion_is_written_into_two_splits()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("pictures", [.. Enumerable.Range(1, 30).Select(i => ($"Train/{(i % 2 == 0 ? "nevus" : "melanoma")}/{i}.jpg", HostileFiles.Picture(i)))], cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

        var item = await Assert.ThrowsAsync<PostgresException>(() => host.ExecuteAsync(
            $"UPDATE dataset_items SET split = 'test' WHERE dataset_id = {dataset.DatasetId} AND split = 'train'", cancellation));
        var group = await Assert.ThrowsAsync<PostgresException>(() => host.ExecuteAsync(
            $"INSERT INTO dataset_groups (dataset_id, kind, group_id, split) SELECT dataset_id, kind, group_id, 'test' FROM dataset_groups WHERE dataset_id = {dataset.DatasetId} AND split = 'train'",
            cancellation));

        Assert.Equal((PostgresErrorCodes.ForeignKeyViolation, PostgresErrorCodes.UniqueViolation), (item.SqlState, group.SqlState));
        Assert.Equal((30, 0), (dataset.Images, dataset.GroupsInTwoSplits));
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
        await RefusedAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction, Licences = { "unknown" } }, "only datasets of images can be limited");

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
    public async Task Should_hold_what_the_catalogue_says_at_its_end_when_it_changes_while_shortcuts_are_looked_for()
    {
        const string Analysed = "Shortcuts were looked for";
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("lesions", Enumerable.Range(0, 80).Select(i => ($"Train/{Diagnoses.Names[i % 2]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))), cancellation);
        await using var holder = await host.Database.OpenConnectionAsync(cancellation);
        await using var writer = await host.Database.OpenConnectionAsync(cancellation);
        var hold = await holder.BeginTransactionAsync(cancellation);
        await LockAsync(holder);

        // The one who waits next gets the lock when the first look at the catalogue is over, and has it while shortcuts are looked for.
        var creating = host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        await WaitersAsync(1);
        await using var change = await writer.BeginTransactionAsync(cancellation);
        var turn = LockAsync(writer);
        await WaitersAsync(2);
        await hold.CommitAsync(cancellation);
        await turn;
        await ExecuteAsync(writer, "UPDATE images SET excluded_at = now() WHERE id IN (SELECT image_id FROM image_isic_ids WHERE isic_id = 'ISIC_0000007')");
        await ExecuteAsync(writer, "UPDATE images SET source = CASE WHEN label = 1 THEN 'north' ELSE 'south' END");
        Assert.False(creating.ResponseAsync.IsCompleted);
        await change.CommitAsync(cancellation);
        var dataset = await creating;

        var again = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        await host.Runs.StartRunAsync(new StartRunRequest { Recipe = "quick" }, cancellationToken: cancellation);

        Assert.Equal((79, 1), (dataset.Images, dataset.DatasetId));
        Assert.Contains(dataset.Shortcuts.Properties, property => property is { Property: "source", CramersV: > 0.9 });
        Assert.Equal(dataset, again);
        Assert.Equal(1, await host.QueryAsync<long>("SELECT count(*) FROM datasets", cancellation));

        // Once before the change, once after it, and never again while nothing changes.
        Assert.Equal(2, host.Log.Split(Analysed).Length - 1);

        Task LockAsync(NpgsqlConnection connection) =>
            ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({AdvisoryLocks.Catalogue.ToString(CultureInfo.InvariantCulture)})");

        async Task ExecuteAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellation);
        }

        Task WaitersAsync(int count) => IngestionHost.WaitAsync(async () => await host.QueryAsync<long>(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            cancellation) == count, cancellation);
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
