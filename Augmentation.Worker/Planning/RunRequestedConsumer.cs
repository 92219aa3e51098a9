using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Augmentation.Planning;

/// <summary>Plans what a new run wants.</summary>
internal sealed class RunRequestedConsumer(AugmentationPlanner planner) : IConsumer<RunRequested>
{
    public Task Consume(ConsumeContext<RunRequested> context) => planner.PlanAsync(context.Message.RunId, context.CancellationToken);
}
