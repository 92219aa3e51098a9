using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Audit;

/// <summary>Deletes what is kept for a time only: idempotency keys, and months of the audit where a retention is set. One replica does it at a time.</summary>
internal sealed partial class AuditRetention(
    IDbContextFactory<MelanomaDbContext> databases, AuditVerifier verifier, IOptions<AuditOptions> options, TimeProvider time, ILogger<AuditRetention> logger) : BackgroundService
{
    private const int KeysAtOnce = 1000;

    private static readonly TimeSpan LongestDrop = TimeSpan.FromHours(1);

    /// <summary>A broken chain stays broken until somebody has looked, and looking at it all takes a while.</summary>
    private static readonly TimeSpan RestAfterDefect = TimeSpan.FromDays(1);

    private DateTimeOffset _rests = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), time);
        do
        {
            try
            {
                while (await ForgetKeysAsync(stoppingToken) == KeysAtOnce)
                {
                }

                while (await DropMonthAsync(stoppingToken))
                {
                }
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogPutOff(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<int> ForgetKeysAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await TryLockAsync(database, cancellationToken))
        {
            return 0;
        }

        var keys = await database.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM idempotency_keys WHERE (tenant, key) IN (
                SELECT tenant, key FROM idempotency_keys WHERE created_at < now() - make_interval(hours => {options.Value.IdempotencyKeyHours}) ORDER BY created_at LIMIT {KeysAtOnce})
            """,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return keys;
    }

    /// <summary>Drops the oldest month, if its time has come.</summary>
    /// <returns>Whether it did: then the next may be due too.</returns>
    private async Task<bool> DropMonthAsync(CancellationToken cancellationToken)
    {
        if (options.Value.RetentionMonths is not { } months || time.GetUtcNow() < _rests)
        {
            return false;
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(LongestDrop);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await TryLockAsync(database, cancellationToken) || await OldestMonthAsync(database, cancellationToken) is not { } month
            || time.GetUtcNow() < new DateTimeOffset(month.AddMonths(months + 1), TimeOnly.MinValue, TimeSpan.Zero))
        {
            return false;
        }

        // What was tampered with is not to be dropped unseen.
        var verdict = await verifier.VerifyAsync(noted: null, (_, _) => Task.CompletedTask, cancellationToken);
        if (!verdict.Intact)
        {
            LogBroken(month, verdict.Defects[0].Message);
            _rests = time.GetUtcNow() + RestAfterDefect;
            return false;
        }

        var rows = await database.Database.SqlQuery<long>($"SELECT drop_audit_month({month}) AS \"Value\"").SingleAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogDropped(month, rows);
        return true;
    }

    private static async Task<DateOnly?> OldestMonthAsync(MelanomaDbContext database, CancellationToken cancellationToken)
    {
        var oldest = await (
            from seal in database.PredictionSeals
            join row in database.Predictions on seal.PredictionId equals row.Id
            orderby seal.Position
            select (DateTimeOffset?)row.Time).FirstOrDefaultAsync(cancellationToken);
        return oldest is { } first ? new DateOnly(first.UtcDateTime.Year, first.UtcDateTime.Month, 1) : null;
    }

    private static Task<bool> TryLockAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        database.Database.SqlQuery<bool>($"SELECT pg_try_advisory_xact_lock({AdvisoryLocks.Retention}) AS \"Value\"").SingleAsync(cancellationToken);

    [LoggerMessage(1, LogLevel.Warning, "What has been kept long enough cannot be deleted and is tried again: {Reason}")]
    private partial void LogPutOff(string reason);

    [LoggerMessage(2, LogLevel.Error, "The audit of {Month} is due to be dropped, but the audit is not whole, so nothing is dropped until it was looked at: {Defect}")]
    private partial void LogBroken(DateOnly month, string defect);

    [LoggerMessage(3, LogLevel.Information, "The audit of {Month} was dropped: {Rows} rows")]
    private partial void LogDropped(DateOnly month, long rows);
}
