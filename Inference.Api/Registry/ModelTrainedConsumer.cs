using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Inference.Registry;

/// <summary>Decides about a new candidate.</summary>
internal sealed class ModelTrainedConsumer(PromotionPolicy policy) : IConsumer<ModelTrained>
{
    public Task Consume(ConsumeContext<ModelTrained> context) => policy.DecideAsync(context.Message.ModelVersion, context.CancellationToken);
}
