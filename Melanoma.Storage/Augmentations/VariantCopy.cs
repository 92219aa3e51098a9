using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Storage.Augmentations;

/// <summary>The bulk path on which variants come into the database: binary COPY.</summary>
public static class VariantCopy
{
    /// <summary>Stores variants with their bytes, within the transaction that is open on the connection.</summary>
    /// <param name="connection">An open connection in a transaction, so that rows and bytes appear together or not at all.</param>
    /// <param name="variants">The variants with their encoded bytes.</param>
    /// <param name="cancellationToken">Breaks off; the transaction is to be rolled back then.</param>
    /// <exception cref="PostgresException">A variant is there already, or breaks a rule of the table.</exception>
    public static async Task WriteAsync(
        NpgsqlConnection connection, IReadOnlyCollection<(Variant Row, byte[] Bytes)> variants, CancellationToken cancellationToken)
    {
        await using (var rows = await connection.BeginBinaryImportAsync(
            """
            COPY variants (augmentation_id, ordinal, dataset_id, dataset_kind, parent_ordinal, parent_split, split, label, parameters, sha256)
            FROM STDIN (FORMAT BINARY)
            """, cancellationToken))
        {
            foreach (var (variant, _) in variants)
            {
                await rows.StartRowAsync(cancellationToken);
                await rows.WriteAsync(variant.AugmentationId, NpgsqlDbType.Uuid, cancellationToken);
                await rows.WriteAsync(variant.Ordinal, NpgsqlDbType.Integer, cancellationToken);
                await rows.WriteAsync(variant.DatasetId, NpgsqlDbType.Integer, cancellationToken);
                await rows.WriteAsync(variant.DatasetKind.ToColumn(), NpgsqlDbType.Text, cancellationToken);
                await rows.WriteAsync(variant.ParentOrdinal, NpgsqlDbType.Integer, cancellationToken);
                await rows.WriteAsync(variant.ParentSplit.ToColumn(), NpgsqlDbType.Text, cancellationToken);
                await rows.WriteAsync(variant.Split.ToColumn(), NpgsqlDbType.Text, cancellationToken);
                await rows.WriteAsync(variant.Label.Bits, NpgsqlDbType.Smallint, cancellationToken);
                await rows.WriteAsync(variant.Parameters, NpgsqlDbType.Jsonb, cancellationToken);
                await rows.WriteAsync(variant.Sha256, NpgsqlDbType.Bytea, cancellationToken);
            }

            await rows.CompleteAsync(cancellationToken);
        }

        await using var contents = await connection.BeginBinaryImportAsync(
            "COPY variant_contents (augmentation_id, ordinal, bytes) FROM STDIN (FORMAT BINARY)", cancellationToken);
        foreach (var (variant, bytes) in variants)
        {
            await contents.StartRowAsync(cancellationToken);
            await contents.WriteAsync(variant.AugmentationId, NpgsqlDbType.Uuid, cancellationToken);
            await contents.WriteAsync(variant.Ordinal, NpgsqlDbType.Integer, cancellationToken);
            await contents.WriteAsync(bytes, NpgsqlDbType.Bytea, cancellationToken);
        }

        await contents.CompleteAsync(cancellationToken);
    }
}
