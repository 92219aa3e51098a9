namespace Melanoma.Augmentation.Batches;

/// <summary>Hands unfinished batches back when everything else of the worker has stopped. Registered first, therefore stopped last.</summary>
internal sealed class BatchHandBack(BatchMaker maker) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => maker.HandBackAsync(cancellationToken);
}
