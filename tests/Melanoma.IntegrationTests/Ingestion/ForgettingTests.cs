using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class ForgettingTests(TestServers servers)
{
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

        var test = await ForgetAsync(host, new() { ImageIds = { tested.ToString() } });
        var train = await ForgetAsync(host, new() { ImageIds = { trained.ToString(), trained.ToString() } });
        var again = await ForgetAsync(host, new() { ImageIds = { trained.ToString(), tested.ToString() } });

        Assert.Equal((1, 0, 1), (test.Images, test.TrainedModels.Count, test.Datasets.Single()));
        Assert.Equal((1, "1", 1), (train.Images, train.TrainedModels.Single(), train.Datasets.Single()));
        Assert.Equal((0, "1", 1), (again.Images, again.TrainedModels.Single(), again.Datasets.Single()));
        Assert.Equal(78, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));
        Assert.Equal(80, await host.QueryAsync<long>("SELECT count(*) FROM images", Cancellation));
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
        var delivery = await host.DeliverAsync("lesions", Pictures(0, 12), Cancellation);
        await host.ExecuteAsync($"""
            INSERT INTO metadata_rows (isic_id, table_name, delivery_id, rank, patient_id, age_years, sex, site, skin_tone, licence)
            SELECT 'ISIC_' || lpad(i::text, 7, '0'), 'a table', '{delivery.DeliveryId}', 2, CASE WHEN i < 3 OR i = 500 THEN 'P-1' ELSE 'P-2' END,
                50, 'female', 'back', 'II', 'CC0-1.0'
            FROM unnest(ARRAY[0, 1, 2, 3, 500]) AS row (i)
            """, Cancellation);
        await host.ExecuteAsync("""
            UPDATE images SET patient_id = row.patient_id, age_years = 50, sex = 'female', site = 'back', skin_tone = 'II'
            FROM image_isic_ids JOIN metadata_rows AS row USING (isic_id) WHERE image_id = images.id
            """, Cancellation);

        var forgotten = await ForgetAsync(host, new() { PatientId = "P-1" });

        Assert.Equal(3, forgotten.Images);
        Assert.Equal(9, await host.QueryAsync<long>("SELECT count(*) FROM image_contents", Cancellation));
        const string Facts = "patient_id IS NOT NULL OR age_years IS NOT NULL OR sex IS NOT NULL OR site IS NOT NULL OR skin_tone IS NOT NULL";
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM metadata_rows WHERE {Facts}", Cancellation));
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM images WHERE {Facts}", Cancellation));
        Assert.Equal(5, await host.QueryAsync<long>("SELECT count(*) FROM metadata_rows WHERE licence = 'CC0-1.0'", Cancellation));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => ForgetAsync(host, new() { PatientId = "P-1" }))).StatusCode);
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
            VALUES (gen_random_uuid(), 'quick', 1, {{dataset}}, 'honest', 1, 1, 'none', 0, now(), 'test') RETURNING id)
        INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, report)
        SELECT id, 'quick', 1, {{dataset}}, 'honest', 'candidate', now(), 64, '{}' FROM run
        """, Cancellation);

    private static Task<ForgetImagesResponse> ForgetAsync(IngestionHost host, ForgetImagesRequest request) =>
        host.Catalog.ForgetImagesAsync(request, cancellationToken: Cancellation).ResponseAsync;

    private static IEnumerable<(string Path, byte[] Bytes)> Pictures(int first, int count) =>
        Enumerable.Range(first, count).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i)));
}
