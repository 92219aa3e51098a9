using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class ForgettingTests(TestServers servers)
{
    private static readonly int[] PatientRows = [0, 1, 2, 3, 500];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_delete_bytes_for_good_and_name_what_was_trained_when_images_are_forgotten()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        var files = Pictures(0, 80).ToList();
        await host.DeliverAsync("lesions", files, Cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        var trained = await host.QueryAsync<Guid>("SELECT image_id FROM dataset_items WHERE split = 'train' ORDER BY ordinal LIMIT 1", Cancellation);
        var tested = await host.QueryAsync<Guid>("SELECT image_id FROM dataset_items WHERE split = 'test' ORDER BY ordinal LIMIT 1", Cancellation);
        await RegisterModelAsync(host, dataset.DatasetId);
        await host.ExecuteAsync($"""
            INSERT INTO model_report_pictures (version, ordinal, image_id, label, is_augmented, jpeg)
            SELECT 1, ordinal, image_id, label, false, 'a picture' FROM dataset_items WHERE dataset_id = {dataset.DatasetId} AND split = 'train' ORDER BY ordinal LIMIT 3
            """, Cancellation);

        var test = await ForgetAsync(host, new() { ImageIds = { tested.ToString() } });
        var train = await ForgetAsync(host, new() { ImageIds = { trained.ToString(), trained.ToString() } });
        var again = await ForgetAsync(host, new() { ImageIds = { trained.ToString(), tested.ToString() } });

        Assert.Equal((1, 0, 1), (test.Images, test.TrainedModels.Count, test.Datasets.Single()));
        Assert.Equal((1, "1", 1), (train.Images, train.TrainedModels.Single(), train.Datasets.Single()));
        Assert.Equal((0, "1", 1), (again.Images, again.TrainedModels.Single(), again.Datasets.Single()));
        Assert.Equal(78, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));
        Assert.Equal(80, await host.QueryAsync<long>("SELECT count(*) FROM images", Cancellation));
        Assert.Equal(2, await host.QueryAsync<long>($"SELECT count(*) FROM model_report_pictures WHERE image_id <> '{trained}'", Cancellation));
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM model_report_pictures", Cancellation));
        Assert.Equal(2, await host.QueryAsync<long>(
            $"SELECT count(*) FROM outbox WHERE message_name = 'melanoma.images-forgotten.v1' AND body->'imageIds'->>0 IN ('{trained}', '{tested}')", Cancellation));
        await AssertCannotBeReadOrTrainedOnAsync();

        var redelivered = await host.DeliverAsync("once more", files, Cancellation);
        Assert.Equal((0, 78, 2), (redelivered.Stored, redelivered.Duplicates, redelivered.Refused));
        Assert.Equal("forgotten", redelivered.Refusals.Single().Reason);
        Assert.Equal(78, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));
        var later = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        Assert.Equal((78, 0), (later.Images, later.Forgotten));

        async Task AssertCannotBeReadOrTrainedOnAsync()
        {
            using var read = host.Catalog.ReadImage(new ReadImageRequest { ImageId = trained.ToString() }, cancellationToken: Cancellation);
            Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => read.ResponseStream.MoveNext(Cancellation))).StatusCode);
            Assert.Equal(2, (await host.Datasets.GetDatasetAsync(new GetDatasetRequest { DatasetId = dataset.DatasetId }, cancellationToken: Cancellation)).Forgotten);
            var start = await Assert.ThrowsAsync<RpcException>(
                () => host.Runs.StartRunAsync(new StartRunRequest { Recipe = "quick", DatasetId = dataset.DatasetId }, cancellationToken: Cancellation).ResponseAsync);
            Assert.Equal(StatusCode.FailedPrecondition, start.StatusCode);
            Assert.Contains("forgotten", start.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Should_know_nothing_of_the_person_any_more_when_a_patient_is_forgotten()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("lesions", Pictures(0, 12), Cancellation);
        var table = CsvTable.Write(
            "isic_id,diagnosis,patient_id,age,sex,site,skin_tone,licence",
            PatientRows.Select(i => $"ISIC_{i:0000000},,{(i is 3 ? "P-2" : "P-1")},50,female,back,II,CC0-1.0"));
        await host.DeliverAsync("table", [("labels.csv", table)], Cancellation);

        var forgotten = await ForgetAsync(host, new() { PatientId = "P-1" });

        Assert.Equal(3, forgotten.Images);
        Assert.Equal(9, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));
        const string Facts = "patient_id IS NOT NULL OR age_years IS NOT NULL OR sex IS NOT NULL OR site IS NOT NULL OR skin_tone IS NOT NULL";
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM metadata_rows WHERE {Facts}", Cancellation));
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM images WHERE {Facts}", Cancellation));
        Assert.Equal(5, await host.QueryAsync<long>("SELECT count(*) FROM metadata_rows WHERE licence = 'CC-0'", Cancellation));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => ForgetAsync(host, new() { PatientId = "P-1" }))).StatusCode);

        // The table comes again: it says nothing of forgotten images, and all of an id whose image is not here.
        await host.DeliverAsync("again", [("labels.csv", table)], Cancellation);
        Assert.Equal(2, await host.QueryAsync<long>($"SELECT count(*) FROM metadata_rows WHERE {Facts}", Cancellation));
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM images WHERE {Facts}", Cancellation));
        Assert.Equal(0, (await ForgetAsync(host, new() { PatientId = "P-1" })).Images);
    }

    [Fact]
    public async Task Should_take_a_pseudonym_for_one_person_only_when_several_sources_have_it()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("lesions", Pictures(0, 12), Cancellation);
        await host.DeliverAsync("table", [("labels.csv", CsvTable.Write(
            "isic_id,diagnosis,patient_id,source",
            ["ISIC_0000000,,1,north", "ISIC_0000001,,1,north", "ISIC_0000002,,1,south", "ISIC_0000003,,1,", "ISIC_0000004,,2,south"]))], Cancellation);

        await RefusedAsync(new() { PatientId = "1" }, StatusCode.FailedPrecondition, "'north' (label table: north)", "'south' (label table: south)", "'label table' (rows of that table");
        await RefusedAsync(new() { PatientId = "1", Source = "west" }, StatusCode.NotFound, "'north'", "'south'");
        await RefusedAsync(new() { PatientId = "2", Source = "north" }, StatusCode.NotFound, "'south'");
        Assert.Equal(12, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));

        Assert.Equal(2, (await ForgetAsync(host, new() { PatientId = "1", Source = "north" })).Images);
        Assert.Equal(3, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE patient_id IS NOT NULL", Cancellation));
        Assert.Equal(3, await host.QueryAsync<long>("SELECT count(*) FROM metadata_rows WHERE patient_id IS NOT NULL", Cancellation));
        Assert.Equal(1, (await ForgetAsync(host, new() { PatientId = "1", Source = "label table" })).Images);
        Assert.Equal(1, (await ForgetAsync(host, new() { PatientId = "1" })).Images);

        async Task RefusedAsync(ForgetImagesRequest request, StatusCode status, params string[] says)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => ForgetAsync(host, request));
            Assert.Equal(status, refusal.StatusCode);
            Assert.All(says, words => Assert.Contains(words, refusal.Status.Detail, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Should_name_the_copies_that_remain_when_an_image_is_forgotten()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("lesions", Pictures(0, 12), Cancellation);
        var ids = (await host.Catalog.ListImagesAsync(new ListImagesRequest(), cancellationToken: Cancellation)).Images.Select(image => image.ImageId).ToList();
        foreach (var (image, of) in new[] { (1, 0), (2, 1), (4, 3), (2, 5) })
            await host.ExecuteAsync($"INSERT INTO near_duplicates (image_id, duplicate_of_id, similarity, transform) VALUES ('{ids[image]}', '{ids[of]}', 1, '')", Cancellation);

        var first = await ForgetAsync(host, new() { ImageIds = { ids[1] } });
        var rest = await ForgetAsync(host, new() { ImageIds = { first.RemainingCopies } });

        Assert.Equal([ids[0], ids[2], ids[5]], first.RemainingCopies);
        Assert.Equal(3, rest.Images);
        Assert.Empty(rest.RemainingCopies);
    }

    [Fact]
    public async Task Should_train_on_a_reproduction_when_files_of_it_were_forgotten()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("files",
        [
            .. Pictures(0, 30), ($"Train/{Diagnoses.Names[0]}/copy.jpg", HostileFiles.Picture(1)), ($"Test/{Diagnoses.Names[0]}/test.jpg", HostileFiles.Picture(99)),
        ], Cancellation);
        var request = new CreateDatasetRequest { Kind = DatasetKind.Reproduction };
        var whole = await host.Datasets.CreateDatasetAsync(request, cancellationToken: Cancellation);
        var image = (await host.Catalog.ListImagesAsync(new ListImagesRequest { IsicId = "ISIC_0000001" }, cancellationToken: Cancellation)).Images.Single();
        await ForgetAsync(host, new() { ImageIds = { image.ImageId } });

        var later = await host.Datasets.CreateDatasetAsync(request, cancellationToken: Cancellation);
        var run = await host.Runs.StartRunAsync(
            new StartRunRequest { Recipe = "quick", Protocol = Protocol.Leaky, DatasetId = later.DatasetId }, cancellationToken: Cancellation);

        Assert.Equal((32, 30, 0), (whole.Images, later.Images, later.Forgotten));
        Assert.Equal(later.DatasetId, run.DatasetId);
        Assert.Equal(("forgotten", 2), later.LeftOut.Select(part => (part.Reason, part.Count)).Single());
        Assert.Contains("Left out: 2 files of images that were forgotten.", later.Rules);
    }

    [Fact]
    public async Task Should_settle_the_lesion_and_refuse_what_is_not_there_when_one_side_of_a_conflict_is_forgotten()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        (string, byte[])[] torn = [("Train/nevus/ISIC_0000001_a.jpg", HostileFiles.Picture(1)), ("Train/melanoma/ISIC_0000001_b.jpg", HostileFiles.Picture(2))];
        await host.DeliverAsync("torn", torn, Cancellation);
        var images = (await host.Catalog.ListImagesAsync(new ListImagesRequest(), cancellationToken: Cancellation)).Images;
        Assert.All(images, image => Assert.Equal(LabelState.Conflict, image.LabelState));

        (ForgetImagesRequest Request, StatusCode Status)[] refusals =
        [
            (new(), StatusCode.InvalidArgument),
            (new() { PatientId = "P", ImageIds = { images[0].ImageId } }, StatusCode.InvalidArgument),
            (new() { ImageIds = { "first" } }, StatusCode.InvalidArgument),
            (new() { ImageIds = { images[0].ImageId }, Source = "here" }, StatusCode.InvalidArgument),
            (new() { ImageIds = { images[0].ImageId, Guid.NewGuid().ToString() } }, StatusCode.NotFound),
            (new() { PatientId = "nobody" }, StatusCode.NotFound),
        ];
        foreach (var (request, status) in refusals)
            Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(() => ForgetAsync(host, request))).StatusCode);
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));

        await ForgetAsync(host, new() { ImageIds = { images.Single(image => image.FirstPath.Contains("melanoma", StringComparison.Ordinal)).ImageId } });

        var settled = await host.Catalog.ListImagesAsync(new ListImagesRequest { Diagnosis = "nevus" }, cancellationToken: Cancellation);
        Assert.Equal(["nevus"], settled.Images.SelectMany(image => image.Label).Distinct());
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM review_items WHERE state <> 'closed'", Cancellation));
    }

    private static async Task RegisterModelAsync(IngestionHost host, int dataset) => await host.ExecuteAsync($$"""
        WITH run AS (
            INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by)
            VALUES (gen_random_uuid(), 'quick', 1, {{dataset}}, 'honest', 1, 1, 'none', 0, now(), 'test') RETURNING id),
        model AS (
            INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, report)
            SELECT id, 'quick', 1, {{dataset}}, 'honest', 'candidate', now(), 64, '{}' FROM run RETURNING version)
        INSERT INTO model_training_images (version, sha256)
        SELECT version, sha256 FROM model, dataset_items d JOIN images i ON i.id = d.image_id WHERE d.dataset_id = {{dataset}} AND d.split <> 'test'
        """, Cancellation);

    private static Task<ForgetImagesResponse> ForgetAsync(IngestionHost host, ForgetImagesRequest request) =>
        host.Catalog.ForgetImagesAsync(request, cancellationToken: Cancellation).ResponseAsync;

    private static IEnumerable<(string Path, byte[] Bytes)> Pictures(int first, int count) =>
        Enumerable.Range(first, count).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i)));
}
