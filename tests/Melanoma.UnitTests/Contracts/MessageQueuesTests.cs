using Melanoma.Contracts.Messages;

namespace Melanoma.UnitTests.Contracts;

public sealed class MessageQueuesTests
{
    [Fact]
    public void Should_list_every_queue_once_and_take_every_message_when_all_are_asked_for()
    {
        var declared = typeof(MessageQueues).GetProperties().Where(property => property.PropertyType == typeof(QueueContract)).Select(property => (QueueContract)property.GetValue(null)!);

        Assert.Equal(declared.OrderBy(queue => queue.Name, StringComparer.Ordinal), MessageQueues.All);
        Assert.Equal(MessageQueues.All.Count, MessageQueues.All.Select(queue => queue.Name).Distinct().Count());
        Assert.Equal(MessageCatalogue.Types.Select(type => type.Name).Order(), MessageQueues.All.Select(queue => queue.Message.Name).Order());
    }
}
