using Melanoma.Storage;
using Npgsql;

namespace Melanoma.Ingestion.Groups;

/// <summary>Writes how images fall into groups. The catalogue's lock must be held.</summary>
internal static class GroupWriter
{
    private const string Create = "INSERT INTO lesion_groups (id, split, delivered_as_test) SELECT * FROM unnest($1::uuid[], $2::text[], $3::boolean[])";

    private const string Change = """
        UPDATE lesion_groups SET split = change.split, delivered_as_test = change.delivered_as_test
        FROM unnest($1::uuid[], $2::text[], $3::boolean[]) AS change (id, split, delivered_as_test) WHERE lesion_groups.id = change.id
        """;

    private const string MoveImages =
        "UPDATE images SET group_id = merge.into_id FROM unnest($1::uuid[], $2::uuid[]) AS merge (from_id, into_id) WHERE images.group_id = merge.from_id";

    private const string MarkMerged =
        "UPDATE lesion_groups SET merged_into_id = merge.into_id FROM unnest($1::uuid[], $2::uuid[]) AS merge (from_id, into_id) WHERE lesion_groups.id = merge.from_id";

    /// <summary>Groups images with what the catalogue knows of them, and writes what comes of it.</summary>
    /// <param name="connection">The connection whose transaction holds the lock.</param>
    /// <param name="images">Distinct images.</param>
    /// <param name="groupsByKey">The groups of catalogued images with a key, see <see cref="GroupKeys"/>.</param>
    /// <param name="cancellationToken">Breaks the transaction.</param>
    public static async Task<Grouping> JoinAsync(
        NpgsqlConnection connection, IReadOnlyList<ImageToGroup> images, ILookup<string, Guid> groupsByKey, CancellationToken cancellationToken)
    {
        var states = await GroupKeys.ReadStatesAsync(
            connection, groupsByKey.SelectMany(groups => groups).Concat(images.SelectMany(image => image.Groups)), cancellationToken);
        var grouping = LesionGrouping.Group(images, groupsByKey, states, Guid.CreateVersion7);
        await WriteAsync(connection, grouping, cancellationToken);
        return grouping;
    }

    private static async Task WriteAsync(NpgsqlConnection connection, Grouping grouping, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        AddStates(batch, Create, grouping.Created);
        AddStates(batch, Change, grouping.Changed);
        if (grouping.Merged.Count > 0)
        {
            foreach (var statement in (ReadOnlySpan<string>)[MoveImages, MarkMerged])
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(statement)
                {
                    Parameters =
                    {
                        new() { Value = grouping.Merged.Select(merge => merge.From).ToArray() },
                        new() { Value = grouping.Merged.Select(merge => merge.Into).ToArray() },
                    },
                });
            }
        }

        if (batch.BatchCommands.Count > 0)
            await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddStates(NpgsqlBatch batch, string statement, IReadOnlyList<GroupState> groups)
    {
        if (groups.Count == 0)
            return;
        batch.BatchCommands.Add(new NpgsqlBatchCommand(statement)
        {
            Parameters =
            {
                new() { Value = groups.Select(group => group.Id).ToArray() },
                new() { Value = groups.Select(group => group.Split?.ToColumn()).ToArray() },
                new() { Value = groups.Select(group => group.DeliveredAsTest).ToArray() },
            },
        });
    }
}
