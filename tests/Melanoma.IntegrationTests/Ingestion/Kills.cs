using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>What a service makes events of while it is killed, and what must be there afterwards.</summary>
internal static class Kills
{
    /// <summary>Stores pictures that are there to be forgotten, and gives their ids.</summary>
    public static async Task<string[]> DeliverEarlierAsync(IngestionHost host, int count, CancellationToken cancellationToken)
    {
        var files = Enumerable.Range(10_000, count).Select(i => ($"{i}.jpg", HostileFiles.Picture(i)));
        var delivery = await host.DeliverAsync("earlier", files, cancellationToken);
        return [.. (await host.FilesAsync(delivery.DeliveryId, cancellationToken)).Values.Select(file => file.ImageId)];
    }

    /// <summary>Makes an event of each image until the service is killed, and says how many calls were answered.</summary>
    public static async Task<int> ForgetOneByOneAsync(IngestionHost host, string[] images, CancellationToken cancellationToken)
    {
        var catalog = host.Catalog;
        var answered = 0;
        try
        {
            foreach (var image in images)
            {
                await catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { image } }, cancellationToken: cancellationToken);
                answered++;
            }
        }
        catch (Exception exception) when (exception is RpcException or ObjectDisposedException)
        {
            // The service was killed.
        }

        return answered;
    }

    /// <summary>After kills: each image has its bytes unless it was forgotten, and one line that says that it was stored; each event came.</summary>
    public static async Task CheckNothingLostAsync(IngestionHost host, int images, int forgotten, ForgottenEvents events, CancellationToken cancellationToken)
    {
        const string Events = "outbox WHERE message_name = 'melanoma.images-forgotten.v1'";
        Assert.Equal((images, images), (await CountAsync("images"), await CountAsync("(SELECT DISTINCT sha256 FROM images) AS x")));
        Assert.Equal(0, await CountAsync(
            "images LEFT JOIN image_contents ON image_id = id WHERE forgotten_at IS NULL AND (bytes IS NULL OR sha256(bytes) <> sha256)"));
        Assert.Equal(0, await CountAsync("images WHERE (SELECT count(*) FROM delivery_files WHERE image_id = images.id AND outcome = 'stored') <> 1"));
        Assert.Equal(0, await CountAsync(
            "delivery_files AS line WHERE outcome IN ('stored', 'duplicate') AND NOT EXISTS (SELECT FROM images WHERE images.id = line.image_id)"));

        // One that was being answered when the service was killed may have been forgotten too, with its event or not at all.
        var marked = await CountAsync("images WHERE forgotten_at IS NOT NULL");
        Assert.True(forgotten > 0 && marked >= forgotten, $"{forgotten} of {marked} were answered");
        Assert.Equal(marked, await CountAsync(Events));
        Assert.Equal(marked, await CountAsync($"images WHERE forgotten_at IS NOT NULL AND id::text IN (SELECT body->'imageIds'->>0 FROM {Events})"));
        await IngestionHost.WaitAsync(async () => await CountAsync($"{Events} AND sent_at IS NOT NULL") == marked, cancellationToken);
        await IngestionHost.WaitAsync(() => Task.FromResult(events.Images.Count >= marked), cancellationToken);
        Assert.Equal(marked, events.Images.Count);

        Task<long> CountAsync(string what) => host.QueryAsync<long>($"SELECT count(*) FROM {what}", cancellationToken);
    }
}
