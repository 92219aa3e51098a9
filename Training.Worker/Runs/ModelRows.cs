using System.Security.Cryptography;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Training.Runs;

/// <summary>What is written beside the row of a model version, whoever made the model.</summary>
internal static class ModelRows
{
    /// <summary>Seconds for statements that carry whole states or models, up to some hundred megabytes.</summary>
    public const int LongTimeout = 300;

    /// <summary>Stores the file that serves.</summary>
    public static async Task InsertArtefactAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, int version, byte[] model, CancellationToken cancellationToken)
    {
        await using var artefact = new NpgsqlCommand(
            "INSERT INTO model_artefacts (version, precision, sha256, bytes) VALUES (@version, 'fp32', @sha256, @bytes)", connection, transaction);
        artefact.CommandTimeout = LongTimeout;
        artefact.Parameters.AddWithValue("version", version);
        artefact.Parameters.AddWithValue("sha256", SHA256.HashData(model));
        artefact.Parameters.AddWithValue("bytes", model);
        await artefact.ExecuteNonQueryAsync(cancellationToken);
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
