using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Ingestion.LabelErrors;

/// <summary>Puts before a reviewer what a run found.</summary>
internal sealed class LabelErrorsFoundConsumer(LabelErrorItems items) : IConsumer<LabelErrorsFound>
{
    public Task Consume(ConsumeContext<LabelErrorsFound> context) => items.UpdateAsync(context.Message.RunId, context.CancellationToken);
}
