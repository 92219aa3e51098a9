using System.Reflection;
using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.UnitTests.Contracts;

public sealed class BusMessageTests
{
    private static readonly Guid Id = Guid.Parse("0198c0de-0000-7000-8000-000000000001");

    public static TheoryData<object, string, string> Golden => new()
    {
        { new RunRequested(Id), "melanoma.run-requested.v1", """{"runId":"0198c0de-0000-7000-8000-000000000001"}""" },
        { new AugmentationBatchReady(Id, 7), "melanoma.augmentation-batch-ready.v1", """{"augmentationId":"0198c0de-0000-7000-8000-000000000001","batchNumber":7}""" },
        { new AugmentationCompleted(Id), "melanoma.augmentation-completed.v1", """{"augmentationId":"0198c0de-0000-7000-8000-000000000001"}""" },
        { new ModelTrained(3), "melanoma.model-trained.v1", """{"modelVersion":3}""" },
        { new ModelPromoted(3), "melanoma.model-promoted.v1", """{"modelVersion":3}""" },
        { new LabelErrorsFound(Id), "melanoma.label-errors-found.v1", """{"runId":"0198c0de-0000-7000-8000-000000000001"}""" },
        { new LesionViewsFound(Id), "melanoma.lesion-views-found.v1", """{"runId":"0198c0de-0000-7000-8000-000000000001"}""" },
        { new FeedbackGiven(Id), "melanoma.feedback-given.v1", """{"feedbackId":"0198c0de-0000-7000-8000-000000000001"}""" },
        { new ImagesForgotten([Id]), "melanoma.images-forgotten.v1", """{"imageIds":["0198c0de-0000-7000-8000-000000000001"]}""" },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Should_keep_name_and_bytes_when_a_message_goes_over_the_wire(object message, string name, string body)
    {
        Assert.Equal(name, MessageCatalogue.NameOf(message.GetType()));
        Assert.Equal(body, MessageCatalogue.Serialize(message));
        Assert.Equivalent(message, MessageCatalogue.Deserialize(name, body), strict: true);
    }

    [Fact]
    public void Should_have_a_golden_form_when_a_message_exists()
    {
        var types = typeof(RunRequested).Assembly.GetTypes().Where(type => type.GetCustomAttribute<EntityNameAttribute>() is not null);
        Assert.Equal(types.Order(TypeNames), Golden.Select(row => row.Data.Item1.GetType()).Order(TypeNames));
        Assert.Equal(types.Order(TypeNames), MessageCatalogue.Types.Order(TypeNames));
    }

    [Fact]
    public void Should_agree_on_urn_and_entity_when_a_message_is_named()
    {
        foreach (var type in MessageCatalogue.Types)
        {
            var urn = type.GetCustomAttribute<MessageUrnAttribute>()!.Urn.ToString();
            Assert.Equal(MessageCatalogue.NameOf(type), urn.Replace(':', '.'));
        }
    }

    private static readonly Comparer<Type> TypeNames = Comparer<Type>.Create((left, right) => string.CompareOrdinal(left.FullName, right.FullName));
}
