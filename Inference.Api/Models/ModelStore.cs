using System.Data;
using System.Security.Cryptography;
using Melanoma.Contracts.Models;
using Npgsql;

namespace Melanoma.Inference.Models;

/// <summary>Reads model versions from the database.</summary>
internal sealed class ModelStore(NpgsqlDataSource dataSource)
{
    /// <summary>The artefact that serves.</summary>
    internal const string Precision = "fp32";

    private const int MaxBytes = 1 << 30;

    /// <summary>The version in production; null when there is none.</summary>
    public async Task<int?> FindProductionAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT version FROM model_versions WHERE state = 'production'");
        return (int?)await command.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>A version with its file, the hash checked; null when there is no such version.</summary>
    /// <exception cref="ModelRefusedException">It has no file, or not the one that was published.</exception>
    public async Task<StoredModel?> ReadAsync(int version, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("""
            SELECT m.input_size, m.dataset_id, a.sha256, octet_length(a.bytes), a.bytes
            FROM model_versions m LEFT JOIN model_artefacts a ON a.version = m.version AND a.precision = $2
            WHERE m.version = $1
            """);
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = Precision });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var (inputSize, datasetId) = (reader.GetInt32(0), await reader.IsDBNullAsync(1, cancellationToken) ? ModelProperties.NoDataset : reader.GetInt32(1));
        if (await reader.IsDBNullAsync(2, cancellationToken))
        {
            throw new ModelRefusedException($"it has no {Precision} file");
        }

        var sha256 = await reader.GetFieldValueAsync<byte[]>(2, cancellationToken);
        var length = reader.GetInt32(3);
        if (length > MaxBytes)
        {
            throw new ModelRefusedException("its file is larger than 1 GiB");
        }

        var bytes = GC.AllocateUninitializedArray<byte>(length);
        await using (var stream = await reader.GetStreamAsync(4, cancellationToken))
        {
            await stream.ReadExactlyAsync(bytes, cancellationToken);
        }

        return SHA256.HashData(bytes).AsSpan().SequenceEqual(sha256)
            ? new StoredModel(version, inputSize, datasetId, bytes)
            : throw new ModelRefusedException("the SHA-256 of its file is not the one that was published with it");
    }
}

/// <summary>A model version as it is stored; the bundled one has <see cref="ModelProperties.NoDataset"/>.</summary>
internal sealed record StoredModel(int Version, int InputSize, int DatasetId, byte[] Bytes);
