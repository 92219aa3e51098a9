using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Augmentation.Forgetting;

/// <summary>Deletes what was made of images that were forgotten.</summary>
internal sealed class ImagesForgottenConsumer(ForgottenVariants variants) : IConsumer<ImagesForgotten>
{
    public Task Consume(ConsumeContext<ImagesForgotten> context) => variants.DeleteAsync(context.Message.ImageIds, context.CancellationToken);
}
