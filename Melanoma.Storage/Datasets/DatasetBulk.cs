using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Storage.Datasets;

/// <summary>The hand-written way of large snapshots into the database: binary COPY, on a connection whose transaction the caller owns.</summary>
public static class DatasetBulk
{
    private const string Groups = "COPY dataset_groups (dataset_id, kind, group_id, split, fold) FROM STDIN (FORMAT BINARY)";

    private const string Items = "COPY dataset_items (dataset_id, ordinal, kind, split, group_id, image_id, delivery_file_id, label) FROM STDIN (FORMAT BINARY)";

    // The database checks the constraints of all rows at the end, and says nothing meanwhile.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromHours(1);

    /// <summary>Adds the groups of a dataset.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="groups">The rows.</param>
    /// <param name="cancellationToken">Takes back all of the call.</param>
    /// <exception cref="PostgresException">A constraint does not hold; the transaction is broken.</exception>
    public static async Task CopyGroupsAsync(NpgsqlConnection connection, IEnumerable<DatasetGroup> groups, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Groups, cancellationToken);
        copy.Timeout = LongestSilence;
        foreach (var group in groups)
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(group.DatasetId, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync(group.Kind.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(group.GroupId, NpgsqlDbType.Uuid, cancellationToken);
            await copy.WriteAsync(group.Split.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await (group.Fold is { } fold ? copy.WriteAsync(fold, NpgsqlDbType.Integer, cancellationToken) : copy.WriteNullAsync(cancellationToken));
        }

        await copy.CompleteAsync(cancellationToken);
    }

    /// <summary>Adds the rows of a dataset, whose groups must exist.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="items">The rows.</param>
    /// <param name="cancellationToken">Takes back all of the call.</param>
    /// <exception cref="PostgresException">A constraint does not hold, for example a group in two splits; the transaction is broken.</exception>
    public static async Task CopyItemsAsync(NpgsqlConnection connection, IEnumerable<DatasetItem> items, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Items, cancellationToken);
        copy.Timeout = LongestSilence;
        foreach (var item in items)
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(item.DatasetId, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync(item.Ordinal, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync(item.Kind.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(item.Split.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await (item.GroupId is { } group ? copy.WriteAsync(group, NpgsqlDbType.Uuid, cancellationToken) : copy.WriteNullAsync(cancellationToken));
            await copy.WriteAsync(item.ImageId, NpgsqlDbType.Uuid, cancellationToken);
            await (item.DeliveryFileId is { } file ? copy.WriteAsync(file, NpgsqlDbType.Bigint, cancellationToken) : copy.WriteNullAsync(cancellationToken));
            await copy.WriteAsync(item.Label.Bits, NpgsqlDbType.Smallint, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }
}
