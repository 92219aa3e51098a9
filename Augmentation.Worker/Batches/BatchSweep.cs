using Melanoma.ServiceDefaults.Database;
using Microsoft.Extensions.Options;

namespace Melanoma.Augmentation.Batches;

/// <summary>
/// Makes batches that nobody was woken for, among them those of workers that died: it looks when the next lease lapses.
/// Only while this worker has nothing else to do.
/// </summary>
internal sealed partial class BatchSweep(BatchMaker maker, BatchLeases leases, IOptions<AugmentationOptions> options, TimeProvider time, ILogger<BatchSweep> logger)
    : BackgroundService
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = options.Value.Sweep;
            try
            {
                while (await maker.TryMakeNextAsync(stoppingToken))
                {
                }

                if (await leases.NextLapseAsync(stoppingToken) is { } lapse && lapse < wait)
                {
                    wait = lapse > ShortestWait ? lapse : ShortestWait;
                }
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }

            await Task.Delay(wait, time, stoppingToken);
        }
    }

    [LoggerMessage(21, LogLevel.Warning, "Batches cannot be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
