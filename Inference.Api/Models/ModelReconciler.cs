using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Inference.Models;

/// <summary>Takes the version in production at the start, and looks again slowly for promotions whose message was lost.</summary>
internal sealed partial class ModelReconciler(ModelHost host, IOptions<ModelOptions> options, TimeProvider time, ILogger<ModelReconciler> logger) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var interval = TimeSpan.FromSeconds(options.Value.ReconcileSeconds);
        while (true)
        {
            var pause = interval;
            try
            {
                await host.ReconcileAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is NpgsqlException or TimeoutException or IOException)
            {
                LogDatabaseLost(exception.Message);
                pause = host.HasLooked ? interval : RetryDelay;
            }

            await Task.Delay(pause, time, stoppingToken);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The registry cannot be read and is tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
