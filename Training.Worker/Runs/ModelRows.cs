using System.Security.Cryptography;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Melanoma.Training.Artefacts;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Training.Runs;

/// <summary>What is written of a model version, whoever made the model.</summary>
internal static class ModelRows
{
    /// <summary>Seconds for statements that carry whole states or models, up to some hundred megabytes.</summary>
    public const int LongTimeout = 300;

    /// <summary>Inserts a candidate with its files, and with pictures that a replica must answer as the file that serves does here.</summary>
    /// <param name="inputSize">Side of the square that it takes, in pixels.</param>
    /// <returns>The number of the version.</returns>
    public static async Task<int> InsertVersionAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, ModelOrigin origin, ModelReport report, int inputSize, VersionFiles files, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO model_versions (run_id, recipe, recipe_version, dataset_id, dataset_kind, state, created_at, input_size, served_precision, report)
            VALUES (@run, @recipe, @recipe_version, @dataset, @kind, 'candidate', clock_timestamp(), @size, @serves, @report)
            RETURNING version
            """,
            connection,
            transaction);
        insert.Parameters.AddWithValue("run", NpgsqlDbType.Uuid, (object?)origin.Run ?? DBNull.Value);
        insert.Parameters.AddWithValue("recipe", report.Recipe);
        insert.Parameters.AddWithValue("recipe_version", report.RecipeVersion);
        insert.Parameters.AddWithValue("dataset", NpgsqlDbType.Integer, (object?)origin.Dataset ?? DBNull.Value);
        insert.Parameters.AddWithValue("kind", RunLedger.Text(origin.Kind));
        insert.Parameters.AddWithValue("size", inputSize);
        insert.Parameters.AddWithValue("serves", files.Serves);
        insert.Parameters.AddWithValue("report", NpgsqlDbType.Jsonb, report.ToJson());
        var version = (int)(await insert.ExecuteScalarAsync(cancellationToken))!;

        foreach (var (precision, bytes) in files.All)
        {
            await using var artefact = new NpgsqlCommand(
                "INSERT INTO model_artefacts (version, precision, sha256, bytes) VALUES (@version, @precision, @sha256, @bytes)", connection, transaction);
            artefact.CommandTimeout = LongTimeout;
            artefact.Parameters.AddWithValue("version", version);
            artefact.Parameters.AddWithValue("precision", precision);
            artefact.Parameters.AddWithValue("sha256", SHA256.HashData(bytes));
            artefact.Parameters.AddWithValue("bytes", bytes);
            await artefact.ExecuteNonQueryAsync(cancellationToken);
        }

        foreach (var (number, answer) in files.Answers.Index())
        {
            await using var stored = new NpgsqlCommand(
                "INSERT INTO model_stored_answers (version, number, picture, probabilities) VALUES (@version, @number, @picture, @probabilities)", connection, transaction);
            stored.Parameters.AddWithValue("version", version);
            stored.Parameters.AddWithValue("number", (short)number);
            stored.Parameters.AddWithValue("picture", answer.Picture);
            stored.Parameters.AddWithValue("probabilities", answer.Probabilities);
            await stored.ExecuteNonQueryAsync(cancellationToken);
        }

        return version;
    }

    /// <summary>Puts a message into the training workers' outbox.</summary>
    public static async Task AnnounceAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, object message, CancellationToken cancellationToken)
    {
        var stored = OutboxMessage.For(ServiceRole.Training, message);
        await using var command = new NpgsqlCommand(
            "INSERT INTO outbox (service, message_name, body, trace_parent) VALUES (@service, @name, @body, @trace)", connection, transaction);
        command.Parameters.AddWithValue("service", stored.Service.ServiceName());
        command.Parameters.AddWithValue("name", stored.MessageName);
        command.Parameters.AddWithValue("body", NpgsqlDbType.Jsonb, stored.Body);
        command.Parameters.AddWithValue("trace", (object?)stored.TraceParent ?? DBNull.Value);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>Where a model comes from.</summary>
/// <param name="Run">The run that made it; null for the bundled model, which has no dataset here either.</param>
internal sealed record ModelOrigin(Guid? Run, int? Dataset, DatasetKind Kind)
{
    public static ModelOrigin Bundled { get; } = new(null, null, DatasetKind.Honest);
}
