using System.Collections.Concurrent;
using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Receives what the service announces of forgotten images, as an augmentation worker does.</summary>
internal sealed class ForgottenEvents : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Guid, bool> _images = [];
    private readonly IBusControl _bus;

    private ForgottenEvents(Uri broker) => _bus = Bus.Factory.CreateUsingRabbitMq(bus =>
    {
        bus.Host(broker);
        bus.ReceiveEndpoint("test.images-forgotten", queue => queue.Handler<ImagesForgotten>(context =>
        {
            foreach (var image in context.Message.ImageIds)
                _images[image] = true;
            return Task.CompletedTask;
        }));
    });

    /// <summary>The images that were named so far.</summary>
    public ICollection<Guid> Images => _images.Keys;

    public static async Task<ForgottenEvents> ReceiveAsync(IngestionHost host, CancellationToken cancellationToken)
    {
        var events = new ForgottenEvents(host.Broker);
        await events._bus.StartAsync(cancellationToken);
        return events;
    }

    public async ValueTask DisposeAsync() => await _bus.StopAsync(CancellationToken.None);
}
