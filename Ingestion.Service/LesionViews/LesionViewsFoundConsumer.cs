using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>Puts before a reviewer what a run found.</summary>
internal sealed class LesionViewsFoundConsumer(LesionViewItems items) : IConsumer<LesionViewsFound>
{
    public Task Consume(ConsumeContext<LesionViewsFound> context) => items.UpdateAsync(context.Message.RunId, context.CancellationToken);
}
