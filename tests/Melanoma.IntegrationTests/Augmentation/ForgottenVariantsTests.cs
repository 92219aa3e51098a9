using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Augmentation;

[Collection("Augmentation")]
public sealed class ForgottenVariantsTests(TestServers servers)
{
    private const string OfForgotten = """
        SELECT count(*) FROM variants AS variant JOIN variant_contents USING (augmentation_id, ordinal)
        JOIN dataset_items AS item ON item.dataset_id = variant.dataset_id AND item.ordinal = parent_ordinal JOIN images ON images.id = image_id
        WHERE forgotten_at IS NOT NULL
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, 86_400)]
    [InlineData(false, 1)]
    public async Task Should_delete_the_bytes_made_of_an_image_and_no_others_when_it_is_forgotten(bool announced, int sweepSeconds)
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(
            stack.Source, [.. DatasetRows.Rows(Split.Train, 2, Diagnosis.Melanoma, Diagnosis.Nevus)], Cancellation);
        await stack.StartWorkerAsync(Cancellation, forgottenSweepSeconds: sweepSeconds);
        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);
        await stack.WaitUntilAugmentedAsync(run, Cancellation);
        var image = await stack.ScalarAsync<Guid>("SELECT image_id FROM dataset_items WHERE ordinal = 0", Cancellation);
        var made = await stack.ScalarAsync<long>("SELECT count(*) FROM variants WHERE parent_ordinal = 0", Cancellation);
        Assert.InRange(made, 1, 19);

        await stack.ScalarAsync<Guid>("UPDATE images SET forgotten_at = now() WHERE id = $1 RETURNING id", Cancellation, image);
        if (announced)
            await stack.PublishAsync(new ImagesForgotten([image, Guid.NewGuid()]), Cancellation);

        await stack.UntilAsync(async _ => await stack.ScalarAsync<long>(OfForgotten, Cancellation) == 0 ? 0 : (int?)null, Cancellation);
        Assert.Equal(20 - made, await stack.ScalarAsync<long>("SELECT count(*) FROM variant_contents", Cancellation));
        Assert.Equal(20, await stack.ScalarAsync<long>("SELECT count(*) FROM variants", Cancellation));
    }
}
