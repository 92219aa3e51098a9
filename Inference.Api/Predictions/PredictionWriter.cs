using System.Threading.Channels;
using Melanoma.Storage.Predictions;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Inference.Predictions;

/// <summary>
/// Writes audit rows. One writer takes all rows that wait and writes them in one statement; what comes meanwhile is the
/// next batch, so a lone row waits for nobody and a crowd shares its commits.
/// </summary>
internal sealed partial class PredictionWriter(NpgsqlDataSource dataSource, InferenceMetrics metrics, ILogger<PredictionWriter> logger) : BackgroundService
{
    private const int MaxBatch = 256;

    // A row that was written by an attempt whose answer got lost is there already; the second attempt leaves it.
    private const string Insert = """
        INSERT INTO predictions (id, time, tenant, caller, case_reference, model_version, execution_provider, image_sha256, probabilities, diagnosis, latency_ms, decision, reasons)
        SELECT r.id, r.time, r.tenant, r.caller, r.case_reference, r.model_version, r.execution_provider, r.image_sha256, ($9::float8[])[r.n * 9 - 8 : r.n * 9], r.diagnosis, r.latency_ms,
            r.decision, string_to_array(r.reasons, ',')
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::bytea[], $10::smallint[], $11::float8[], $12::smallint[], $13::text[])
            WITH ORDINALITY AS r (id, time, tenant, caller, case_reference, model_version, execution_provider, image_sha256, diagnosis, latency_ms, decision, reasons, n)
        ON CONFLICT (id) DO NOTHING
        """;

    private readonly Channel<Waiting> _rows = Channel.CreateUnbounded<Waiting>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Returns when the row is durable.</summary>
    /// <exception cref="NpgsqlException">It could not be written.</exception>
    public async Task WriteAsync(Prediction row, CancellationToken cancellationToken)
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _rows.Writer.WriteAsync(new Waiting(row, written), cancellationToken);
        await written.Task.WaitAsync(cancellationToken);
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
            await InsertAsync(batch, retry: true);
            metrics.AuditBatch(batch.Count);
            batch.ForEach(row => row.Written.TrySetResult());
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

    private async Task InsertAsync(List<Waiting> batch, bool retry)
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
            await command.PrepareAsync(CancellationToken.None);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (NpgsqlException exception) when (retry && exception.IsTransient)
        {
            // After a restart of the database the pool still holds connections that are gone; a new one is worth one try.
            await InsertAsync(batch, retry: false);
        }
    }

    private static void Add<T>(NpgsqlCommand command, NpgsqlDbType type, List<Waiting> batch, Func<Prediction, T> value) =>
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = batch.ConvertAll(waiting => value(waiting.Row)).ToArray() });

    private sealed record Waiting(Prediction Row, TaskCompletionSource Written);

    [LoggerMessage(1, LogLevel.Error, "{Rows} audit rows could not be written, and their callers got no answer: {Reason}")]
    private partial void LogLost(int rows, string reason);
}
