using System.Data;
using System.Security.Cryptography;
using Melanoma.Contracts.Models;
using Npgsql;

namespace Melanoma.Inference.Models;

/// <summary>Reads model versions from the database.</summary>
internal sealed class ModelStore(NpgsqlDataSource dataSource)
{
    private const int MaxBytes = 1 << 30;

    /// <summary>The version in production; null when there is none.</summary>
    public async Task<int?> FindProductionAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT version FROM model_versions WHERE state = 'production'");
        return (int?)await command.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>A version with the file that serves, its hash checked, and the answers stored with it; null when there is no such version.</summary>
    /// <exception cref="ModelRefusedException">It has no file, or not the one that was published.</exception>
    public async Task<StoredModel?> ReadAsync(int version, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("""
            SELECT m.input_size, m.dataset_id, m.served_precision, a.sha256, octet_length(a.bytes), a.bytes
            FROM model_versions m LEFT JOIN model_artefacts a ON a.version = m.version AND a.precision = m.served_precision
            WHERE m.version = $1
            """);
        command.Parameters.Add(new() { Value = version });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var (inputSize, datasetId) = (reader.GetInt32(0), await reader.IsDBNullAsync(1, cancellationToken) ? ModelProperties.NoDataset : reader.GetInt32(1));
        var precision = reader.GetString(2);
        if (await reader.IsDBNullAsync(3, cancellationToken))
        {
            throw new ModelRefusedException($"it has no {precision} file");
        }

        var sha256 = await reader.GetFieldValueAsync<byte[]>(3, cancellationToken);
        var length = reader.GetInt32(4);
        if (length > MaxBytes)
        {
            throw new ModelRefusedException("its file is larger than 1 GiB");
        }

        var bytes = GC.AllocateUninitializedArray<byte>(length);
        await using (var stream = await reader.GetStreamAsync(5, cancellationToken))
        {
            await stream.ReadExactlyAsync(bytes, cancellationToken);
        }

        return SHA256.HashData(bytes).AsSpan().SequenceEqual(sha256)
            ? new StoredModel(version, inputSize, datasetId, precision, bytes, await ReadAnswersAsync(version, cancellationToken))
            : throw new ModelRefusedException("the SHA-256 of its file is not the one that was published with it");
    }

    private async Task<IReadOnlyList<StoredAnswer>> ReadAnswersAsync(int version, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT picture, probabilities FROM model_stored_answers WHERE version = $1 ORDER BY number");
        command.Parameters.Add(new() { Value = version });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var answers = new List<StoredAnswer>();
        while (await reader.ReadAsync(cancellationToken))
        {
            answers.Add(new StoredAnswer(reader.GetFieldValue<byte[]>(0), reader.GetFieldValue<double[]>(1)));
        }

        return answers;
    }
}

/// <summary>A model version as it is stored; the bundled one has <see cref="ModelProperties.NoDataset"/>.</summary>
/// <param name="Version">The number.</param>
/// <param name="InputSize">Side of the square that it takes, in pixels.</param>
/// <param name="DatasetId">The dataset that it was trained on.</param>
/// <param name="Precision">The numbers that the file which serves computes with.</param>
/// <param name="Bytes">The file.</param>
/// <param name="Answers">What it said of pictures when the version was made; none for versions of before.</param>
internal sealed record StoredModel(int Version, int InputSize, int DatasetId, string Precision, byte[] Bytes, IReadOnlyList<StoredAnswer> Answers);

/// <summary>A picture with what a version said of it when it was made.</summary>
/// <param name="Picture">The encoded picture.</param>
/// <param name="Probabilities">Nine, in index order.</param>
internal sealed record StoredAnswer(byte[] Picture, double[] Probabilities);
