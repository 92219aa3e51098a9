using System.Threading.Channels;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Melanoma.Storage.Predictions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Inference.Audit;

/// <summary>
/// Gives audit rows their place in the chain and in their tenant's feed, in batches after they were committed, so that no request waits for it and replicas do not queue for each other.
/// Every replica has one; whoever has the lock seals what all have written.
/// </summary>
internal sealed partial class PredictionSealer(
    IDbContextFactory<MelanomaDbContext> databases, IOptions<AuditOptions> options, InferenceMetrics metrics, TimeProvider time, ILogger<PredictionSealer> logger) : BackgroundService
{
    private const int MaxBatch = 1000;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);

    /// <summary>What comes within it goes together.</summary>
    private static readonly TimeSpan Coalescing = TimeSpan.FromMilliseconds(100);

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Says that there may be rows to seal.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var pause = Coalescing;
            try
            {
                if (await SealAsync(stoppingToken) is { } rows)
                {
                    if (rows == MaxBatch)
                    {
                        continue;
                    }

                    await WaitAsync(stoppingToken);
                }
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogDatabaseLost(exception.Message);
                pause = RetryDelay;
            }

            await Task.Delay(pause, time, stoppingToken);
        }
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        using var sweep = new CancellationTokenSource(TimeSpan.FromSeconds(options.Value.SweepSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(sweep.Token, stoppingToken);
        try
        {
            await _wake.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Seals what waits, at most a batch.</summary>
    /// <returns>How many rows; null where somebody else is sealing, who may have looked before the last rows were there.</returns>
    private async Task<int?> SealAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);

        // Read committed: what is read after the lock was given is what the one before has committed.
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        if (!await database.Database.SqlQuery<bool>($"SELECT pg_try_advisory_xact_lock({AdvisoryLocks.Sealing}) AS \"Value\"").SingleAsync(cancellationToken))
        {
            return null;
        }

        // UUIDs of version 7 are in the order of time.
        var rows = await (
            from waiting in database.UnsealedPredictions
            join row in database.Predictions on waiting.PredictionId equals row.Id
            orderby waiting.PredictionId
            select row).AsNoTracking().Take(MaxBatch).ToListAsync(cancellationToken);
        if (rows.Count == 0)
        {
            return 0;
        }

        var tenants = rows.Select(row => row.Tenant).Distinct().ToArray();
        var sequences = new Dictionary<string, long>();
        foreach (var tenant in tenants)
        {
            sequences[tenant] = (await FeedEnds.OfAsync(database, tenant, cancellationToken)).Last;
        }

        var end = await ChainEnd.OfAllAsync(database, cancellationToken);
        var (position, hash) = (end.Position, end.Hash);
        var seals = new List<PredictionSeal>(rows.Count);
        foreach (var row in rows)
        {
            position++;
            var sequence = ++sequences[row.Tenant];
            hash = SealForm.Hash(hash, position, sequence, row);
            seals.Add(new PredictionSeal { Position = position, PredictionId = row.Id, Tenant = row.Tenant, TenantSequence = sequence, Form = SealForm.Current, Hash = hash });
        }

        await WriteAsync(database, seals, tenants, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        metrics.Sealed(seals.Count);
        return seals.Count;
    }

    // A hint names the beginning of the tenant: it may not be long, and too many who are woken do no harm.
    private static Task<int> WriteAsync(MelanomaDbContext database, List<PredictionSeal> seals, string[] tenants, CancellationToken cancellationToken) => database.Database.ExecuteSqlRawAsync(
        $$"""
        WITH sealed AS (
            INSERT INTO prediction_seals (position, prediction_id, tenant, tenant_sequence, form, hash)
            SELECT * FROM unnest({0}, {1}, {2}, {3}, {4}, {5})
            RETURNING prediction_id)
        DELETE FROM unsealed_predictions USING sealed WHERE unsealed_predictions.prediction_id = sealed.prediction_id;
        SELECT pg_notify('{{MelanomaDatabase.PredictionsChannel}}', left(tenant, 200)) FROM unnest({6}) AS tenant
        """,
        [
            Column(NpgsqlDbType.Bigint, seals.ConvertAll(seal => seal.Position)),
            Column(NpgsqlDbType.Uuid, seals.ConvertAll(seal => seal.PredictionId)),
            Column(NpgsqlDbType.Text, seals.ConvertAll(seal => seal.Tenant)),
            Column(NpgsqlDbType.Bigint, seals.ConvertAll(seal => seal.TenantSequence)),
            Column(NpgsqlDbType.Smallint, seals.ConvertAll(seal => seal.Form)),
            Column(NpgsqlDbType.Bytea, seals.ConvertAll(seal => seal.Hash)),
            Column(NpgsqlDbType.Text, [.. tenants]),
        ],
        cancellationToken);

    private static NpgsqlParameter Column<T>(NpgsqlDbType type, List<T> values) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = values.ToArray() };

    [LoggerMessage(1, LogLevel.Warning, "Audit rows cannot be sealed and are tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);
}
