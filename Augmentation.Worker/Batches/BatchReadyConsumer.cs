using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Augmentation.Batches;

/// <summary>Makes a batch. A message that comes twice finds the batch done or taken, and nothing happens.</summary>
internal sealed class BatchReadyConsumer(BatchMaker maker) : IConsumer<AugmentationBatchReady>
{
    public Task Consume(ConsumeContext<AugmentationBatchReady> context) =>
        maker.MakeAsync(context.Message.AugmentationId, context.Message.BatchNumber, context.CancellationToken);
}
