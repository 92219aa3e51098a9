using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Ingestion.Feedback;

/// <summary>Takes what was said of an answer, and all else that waits.</summary>
internal sealed class FeedbackGivenConsumer(FeedbackIntake intake) : IConsumer<FeedbackGiven>
{
    public Task Consume(ConsumeContext<FeedbackGiven> context) => intake.UpdateAsync(context.Message.FeedbackId, context.CancellationToken);
}
