using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Feedback;

/// <summary>
/// Deletes the images of feedback that Ingestion has settled: by then the catalogue has them, or nobody is to. Ingestion may not delete what this service writes, so it
/// says what became of them and this service looks.
/// </summary>
internal sealed partial class SettledImagesSweep(
    IDbContextFactory<MelanomaDbContext> databases, IOptions<FeedbackOptions> options, TimeProvider time, ILogger<SettledImagesSweep> logger) : BackgroundService
{
    private const string Delete = "DELETE FROM feedback_images AS image USING feedback_outcomes AS outcome WHERE outcome.feedback_id = image.feedback_id";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), time);
        do
        {
            try
            {
                await using var database = await databases.CreateDbContextAsync(stoppingToken);
                if (await database.Database.ExecuteSqlRawAsync(Delete, stoppingToken) is > 0 and var deleted)
                {
                    LogDeleted(deleted);
                }
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(71, LogLevel.Information, "{Images} images that came with feedback are settled and were deleted here")]
    private partial void LogDeleted(int images);

    [LoggerMessage(72, LogLevel.Warning, "Images that came with feedback cannot be looked for and are looked for again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
