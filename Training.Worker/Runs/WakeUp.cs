using System.Threading.Channels;
using MassTransit;
using Melanoma.Contracts.Messages;

namespace Melanoma.Training.Runs;

/// <summary>A hint that a run may wait for a worker; several hints are one.</summary>
internal sealed class WakeUp
{
    private readonly Channel<bool> _hints = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Signal() => _hints.Writer.TryWrite(true);

    public async Task WaitAsync(CancellationToken cancellationToken) => await _hints.Reader.ReadAsync(cancellationToken);
}

/// <summary>Wakes the worker when the variants of a run are complete.</summary>
internal sealed class AugmentationCompletedConsumer(WakeUp wakeUp) : IConsumer<AugmentationCompleted>
{
    public Task Consume(ConsumeContext<AugmentationCompleted> context)
    {
        wakeUp.Signal();
        return Task.CompletedTask;
    }
}
