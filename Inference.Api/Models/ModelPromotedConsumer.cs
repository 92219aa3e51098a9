using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Inference.Models;

/// <summary>Takes another version into use; the message only says that it is time to look.</summary>
internal sealed class ModelPromotedConsumer(ModelHost host) : IConsumer<ModelPromoted>
{
    public Task Consume(ConsumeContext<ModelPromoted> context) => host.ReconcileAsync(context.CancellationToken);
}
