using System.Threading.Channels;
using Melanoma.Inference.Audit;
using Melanoma.Storage.Predictions;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Inference.Predictions;

/// <summary>
/// Writes audit rows. One writer takes all rows that wait and writes them in one statement; what comes meanwhile is the
/// next batch, so a lone row waits for nobody and a crowd shares its commits. A row whose question has a key is written only where nobody was first with the key, on any replica.
/// </summary>
internal sealed partial class PredictionWriter(NpgsqlDataSource dataSource, PredictionSealer sealer, InferenceMetrics metrics, ILogger<PredictionWriter> logger) : BackgroundService
{
    private const int MaxBatch = 256;

    // A row that was written by an attempt whose answer got lost is there already; the second attempt leaves it. Keys are taken in one order by everybody: two replicas that take
    // the same ones wait for each other's commit, and must not do so crosswise.
    private const string Insert = """
        WITH r AS (
            SELECT *
            FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::bytea[], $10::smallint[], $11::float8[], $12::smallint[], $13::text[],
                    $14::text[], $15::bytea[])
                WITH ORDINALITY
                AS r (id, time, tenant, caller, case_reference, model_version, execution_provider, image_sha256, diagnosis, latency_ms, decision, reasons, key, answer, n)),
        won AS (
            INSERT INTO idempotency_keys (tenant, key, image_sha256, prediction_id, answer)
            SELECT DISTINCT ON (r.tenant, r.key) r.tenant, r.key, r.image_sha256, r.id, r.answer FROM r WHERE r.key IS NOT NULL ORDER BY r.tenant, r.key, r.n
            ON CONFLICT (tenant, key) DO NOTHING
            RETURNING prediction_id),
        written AS (
            INSERT INTO predictions (id, time, tenant, caller, case_reference, model_version, execution_provider, image_sha256, probabilities, diagnosis, latency_ms, decision, reasons)
            SELECT r.id, r.time, r.tenant, r.caller, r.case_reference, r.model_version, r.execution_provider, r.image_sha256, ($9::float8[])[r.n * 9 - 8 : r.n * 9], r.diagnosis, r.latency_ms,
                r.decision, string_to_array(r.reasons, ',')
            FROM r
            WHERE r.key IS NULL OR r.id IN (SELECT prediction_id FROM won)
            ON CONFLICT (id) DO NOTHING
            RETURNING id),
        queued AS (
            INSERT INTO unsealed_predictions (prediction_id) SELECT id FROM written)
        SELECT prediction_id FROM won
        """;

    private const string FindFirst = """
        SELECT asked.id, k.image_sha256, k.prediction_id, k.answer
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (id, tenant, key) JOIN idempotency_keys k ON k.tenant = asked.tenant AND k.key = asked.key
        """;

    private readonly Channel<Waiting> _rows = Channel.CreateUnbounded<Waiting>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Returns when the row is durable, or another one stands in its place.</summary>
    /// <param name="row">The row.</param>
    /// <param name="keyed">The key of its question with the answer; null where it has none.</param>
    /// <param name="cancellationToken">The caller's patience; the row is written all the same.</param>
    /// <returns>What stands under the key already, where somebody was first with it: then this row is not written. Else null.</returns>
    /// <exception cref="NpgsqlException">It could not be written.</exception>
    public async Task<FirstAnswer?> WriteAsync(Prediction row, KeyedAnswer? keyed, CancellationToken cancellationToken)
    {
        var written = new TaskCompletionSource<FirstAnswer?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _rows.Writer.WriteAsync(new Waiting(row, keyed, written), cancellationToken);
        return await written.Task.WaitAsync(cancellationToken);
    }

    public override Task StopAsync(CancellationToken cancellationToken)
    {
        _rows.Writer.TryComplete();
        return base.StopAsync(cancellationToken);
    }

    // Ends when the channel is completed and empty, not at the stop signal: who waits for a row gets it.
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Waiting>(MaxBatch);
        while (await _rows.Reader.WaitToReadAsync(CancellationToken.None))
        {
            while (batch.Count < MaxBatch && _rows.Reader.TryRead(out var row))
            {
                batch.Add(row);
            }

            await WriteBatchAsync(batch);
            batch.Clear();
        }
    }

    private async Task WriteBatchAsync(List<Waiting> batch)
    {
        try
        {
            var first = await InsertAsync(batch, retry: true);
            sealer.Wake();
            metrics.AuditBatch(batch.Count);
            batch.ForEach(row => row.Written.TrySetResult(first.GetValueOrDefault(row.Row.Id)));
        }
        catch (PostgresException exception) when (!exception.IsTransient && batch.Count > 1)
        {
            // One row that the database refuses must not take its neighbours along.
            foreach (var row in batch)
            {
                await WriteBatchAsync([row]);
            }
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException)
        {
            LogLost(batch.Count, exception.Message);
            batch.ForEach(row => row.Written.TrySetException(exception));
        }
    }

    // What stands in the place of rows of the batch, by their ids.
    private async Task<Dictionary<Guid, FirstAnswer>> InsertAsync(List<Waiting> batch, bool retry)
    {
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync(CancellationToken.None);
            await using var command = new NpgsqlCommand(Insert, connection);
            command.CommandTimeout = 10;
            Add(command, NpgsqlDbType.Uuid, batch, row => row.Id);
            Add(command, NpgsqlDbType.TimestampTz, batch, row => row.Time);
            Add(command, NpgsqlDbType.Text, batch, row => row.Tenant);
            Add(command, NpgsqlDbType.Text, batch, row => row.Caller);
            Add(command, NpgsqlDbType.Text, batch, row => row.CaseReference);
            Add(command, NpgsqlDbType.Integer, batch, row => row.ModelVersion);
            Add(command, NpgsqlDbType.Text, batch, row => row.ExecutionProvider);
            Add(command, NpgsqlDbType.Bytea, batch, row => row.ImageSha256);
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Double, Value = batch.SelectMany(waiting => waiting.Row.Probabilities).ToArray() });
            Add(command, NpgsqlDbType.Smallint, batch, row => (short)row.Diagnosis);
            Add(command, NpgsqlDbType.Double, batch, row => row.LatencyMs);
            Add(command, NpgsqlDbType.Smallint, batch, row => (short?)row.Decision);

            // Arrays of arrays would all have to be of one length.
            Add(command, NpgsqlDbType.Text, batch, row => string.Join(',', row.Reasons));
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = batch.ConvertAll(waiting => waiting.Keyed?.Key).ToArray() });
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea, Value = batch.ConvertAll(waiting => waiting.Keyed?.Answer).ToArray() });
            await command.PrepareAsync(CancellationToken.None);
            var won = new HashSet<Guid>();
            await using (var reader = await command.ExecuteReaderAsync(CancellationToken.None))
            {
                while (await reader.ReadAsync(CancellationToken.None))
                {
                    won.Add(reader.GetGuid(0));
                }
            }

            var late = batch.FindAll(waiting => waiting.Keyed is not null && !won.Contains(waiting.Row.Id));
            return late.Count == 0 ? [] : await FindFirstAsync(connection, late);
        }
        catch (NpgsqlException exception) when (retry && exception.IsTransient)
        {
            // After a restart of the database the pool still holds connections that are gone; a new one is worth one try.
            return await InsertAsync(batch, retry: false);
        }
    }

    // A new statement sees what the one before had to wait for.
    private async Task<Dictionary<Guid, FirstAnswer>> FindFirstAsync(NpgsqlConnection connection, List<Waiting> late)
    {
        var first = new Dictionary<Guid, FirstAnswer>();
        await using (var command = new NpgsqlCommand(FindFirst, connection))
        {
            Add(command, NpgsqlDbType.Uuid, late, row => row.Id);
            Add(command, NpgsqlDbType.Text, late, row => row.Tenant);
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = late.ConvertAll(waiting => waiting.Keyed!.Key).ToArray() });
            await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
            while (await reader.ReadAsync(CancellationToken.None))
            {
                first[reader.GetGuid(0)] = new FirstAnswer(reader.GetFieldValue<byte[]>(1), reader.GetGuid(2), reader.GetFieldValue<byte[]>(3));
            }
        }

        // A key that was deleted for its age just now is free again.
        if (late.FindAll(waiting => !first.ContainsKey(waiting.Row.Id)) is { Count: > 0 } free)
        {
            foreach (var (id, answer) in await InsertAsync(free, retry: true))
            {
                first[id] = answer;
            }
        }

        // A row that stands under its key itself was written by an attempt whose answer got lost.
        foreach (var (id, _) in first.Where(entry => entry.Key == entry.Value.PredictionId).ToList())
        {
            first.Remove(id);
        }

        return first;
    }

    private static void Add<T>(NpgsqlCommand command, NpgsqlDbType type, List<Waiting> batch, Func<Prediction, T> value) =>
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = batch.ConvertAll(waiting => value(waiting.Row)).ToArray() });

    private sealed record Waiting(Prediction Row, KeyedAnswer? Keyed, TaskCompletionSource<FirstAnswer?> Written);

    [LoggerMessage(1, LogLevel.Error, "{Rows} audit rows could not be written, and their callers got no answer: {Reason}")]
    private partial void LogLost(int rows, string reason);
}
