using Melanoma.ServiceDefaults.Database;

namespace Melanoma.Ingestion.Reviews;

/// <summary>Review items that are derived from what others found: training runs, and callers who judge answers.</summary>
internal interface IFindingItems
{
    /// <summary>What is found, in the plural and for the log: "Likely label errors".</summary>
    public string Found { get; }

    /// <summary>Opens an item for each question that nobody was asked yet; brings the others up to date. Repeating it changes nothing.</summary>
    /// <param name="source">The run, or the feedback, that is looked at at least; null for all.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    public Task UpdateAsync(Guid? source, CancellationToken cancellationToken);
}

/// <summary>Asks about findings that nobody was woken for, or that a decision taken back made a question again.</summary>
internal sealed partial class FindingSweep(IFindingItems items, TimeSpan interval, TimeProvider time, ILogger<FindingSweep> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, time);
        do
        {
            try
            {
                await items.UpdateAsync(source: null, stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(items.Found, exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(62, LogLevel.Warning, "{Found} could not be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string found, string reason);
}
