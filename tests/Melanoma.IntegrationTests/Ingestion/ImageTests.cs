using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class ImageTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_show_each_image_exactly_once_when_new_ones_arrive_between_the_pages()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("there", Pictures(0, 60), Cancellation);
        var there = (await ListAsync(new ListImagesRequest { PageSize = 1000 })).Images.Select(image => image.ImageId).ToHashSet();
        var arriving = host.DeliverAsync("arriving", Pictures(1000, 40), Cancellation);

        var seen = new List<string>();
        var request = new ListImagesRequest { PageSize = 7 };
        do
        {
            var page = await ListAsync(request);
            Assert.InRange(page.Images.Count, 1, 7);
            seen.AddRange(page.Images.Select(image => image.ImageId));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        await arriving;
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(there, seen.Where(there.Contains).ToHashSet());

        Task<ListImagesResponse> ListAsync(ListImagesRequest asked) => host.Catalog.ListImagesAsync(asked, cancellationToken: Cancellation).ResponseAsync;
    }

    [Fact]
    public async Task Should_find_what_the_filters_say_and_refuse_what_is_not_understood_when_images_are_listed()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        var delivery = await host.DeliverAsync(
            "first", [.. Pictures(0, 18), ("Train/melanoma/torn.jpg", HostileFiles.Picture(4)), ("loose.jpg", HostileFiles.Picture(99))], Cancellation);
        await host.DeliverAsync("second", Pictures(100, 9), Cancellation);
        await host.DeliverAsync("table", [("labels.csv", CsvTable.Write("isic_id,diagnosis,licence,source", ["ISIC_0000000,,CC0 1.0,here"]))], Cancellation);
        await host.ExecuteAsync("UPDATE images SET excluded_at = now() WHERE number = 1", Cancellation);
        var first = (await host.Catalog.ListImagesAsync(new ListImagesRequest { PageSize = 1 }, cancellationToken: Cancellation)).Images[0];

        Assert.Equal(1, await CountAsync(new() { Diagnosis = "Nevus", DeliveryId = delivery.DeliveryId }));
        Assert.Equal(2, await CountAsync(new() { Diagnosis = "nevus" }));
        Assert.Equal(1, await CountAsync(new() { LabelState = LabelState.Conflict }));
        Assert.Equal(1, await CountAsync(new() { LabelState = LabelState.Unlabelled }));
        Assert.Equal(1, await CountAsync(new() { Source = "here" }));
        Assert.Equal((1, 27), (await CountAsync(new() { Licence = "CC0-1.0" }), await CountAsync(new() { Licence = "unknown" })));
        Assert.Equal((1, 27), (await CountAsync(new() { Excluded = true }), await CountAsync(new() { Excluded = false })));
        Assert.Equal(19, await CountAsync(new() { DeliveryId = delivery.DeliveryId }));
        Assert.Equal((1, 1), (await CountAsync(new() { IsicId = "ISIC_0000003" }), await CountAsync(new() { GroupId = first.GroupId })));

        var page = await host.Catalog.ListImagesAsync(new ListImagesRequest { PageSize = 1, Diagnosis = "nevus" }, cancellationToken: Cancellation);
        var token = page.NextPageToken;
        foreach (var refused in new ListImagesRequest[]
        {
            new() { PageSize = 1001 }, new() { PageToken = "x" }, new() { PageToken = token, Diagnosis = "melanoma" }, new() { Diagnosis = "wart" },
            new() { GroupId = "1" }, new() { LabelState = (LabelState)9 },
        })
        {
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => CountAsync(refused))).StatusCode);
        }

        async Task<int> CountAsync(ListImagesRequest request) => (await host.Catalog.ListImagesAsync(request, cancellationToken: Cancellation)).Images.Count;
    }

    [Fact]
    public async Task Should_tell_where_an_image_went_and_give_its_bytes_when_it_is_asked_for()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation);
        await host.DeliverAsync("lesions", [.. Pictures(0, 80), ("Train/actinic keratosis/ISIC_0000000_b.jpg", HostileFiles.Picture(500))], Cancellation);
        var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: Cancellation);
        var pair = (await host.Catalog.ListImagesAsync(new ListImagesRequest { IsicId = "ISIC_0000000" }, cancellationToken: Cancellation)).Images;

        var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = pair[0].ImageId }, cancellationToken: Cancellation);

        Assert.Equal(pair[0], details.Image);
        Assert.Equal([pair[1].ImageId], details.GroupImages);
        Assert.Equal(pair.Select(image => image.ImageId).Order(), details.Claims.Select(claim => claim.ImageId).Order());
        Assert.All(details.Claims, claim => Assert.Equal(("folder", "folder", "actinic keratosis"), (claim.Rank, claim.ClaimedBy, claim.Diagnoses.Single())));
        Assert.Equal(dataset.DatasetId, Assert.Single(details.Datasets).DatasetId);
        Assert.Empty(details.TrainedModels);
        var (mediaType, bytes) = await ReadAsync(pair.Single(image => image.FirstPath.EndsWith("ISIC_0000000.jpg", StringComparison.Ordinal)).ImageId);
        Assert.Equal("image/jpeg", mediaType);
        Assert.Equal(HostileFiles.Picture(0), bytes);
        var unknown = Guid.NewGuid().ToString();
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => ReadAsync(unknown))).StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(
            () => host.Catalog.GetImageAsync(new GetImageRequest { ImageId = unknown }, cancellationToken: Cancellation).ResponseAsync)).StatusCode);

        async Task<(string MediaType, byte[] Bytes)> ReadAsync(string id)
        {
            using var call = host.Catalog.ReadImage(new ReadImageRequest { ImageId = id }, cancellationToken: Cancellation);
            var chunks = await call.ResponseStream.ReadAllAsync(Cancellation).ToListAsync(Cancellation);
            return (chunks[0].MediaType, chunks.SelectMany(chunk => chunk.Bytes).ToArray());
        }
    }

    private static IEnumerable<(string Path, byte[] Bytes)> Pictures(int first, int count) =>
        Enumerable.Range(first, count).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i)));
}
