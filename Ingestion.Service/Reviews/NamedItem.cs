using Grpc.Core;
using Melanoma.Storage;
using Melanoma.Storage.Reviews;
using Npgsql;

namespace Melanoma.Ingestion.Reviews;

/// <summary>A review item that somebody named.</summary>
internal sealed record NamedItem(Guid Id, ReviewKind Kind, Guid GroupId, Guid? ImageId, Guid? OtherImageId)
{
    private const string Items = """
        SELECT id, group_id, image_id, state, kind, other_image_id FROM unnest($1::uuid[]) WITH ORDINALITY AS named (id, place) LEFT JOIN review_items USING (id) ORDER BY place
        """;

    /// <summary>The images in question; none where all of the group are.</summary>
    public IEnumerable<Guid> ImageIds => new[] { ImageId, OtherImageId }.OfType<Guid>();

    /// <summary>Reads items that are not closed.</summary>
    /// <exception cref="RpcException">
    /// NOT_FOUND: there is none of an id. FAILED_PRECONDITION: one is closed, so that a decision of somebody else is not overruled unseen.
    /// </exception>
    public static async Task<IReadOnlyList<NamedItem>> ReadAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken)
    {
        var items = new List<NamedItem>(ids.Length);
        if (ids.Length == 0)
            return items;
        await using var command = new NpgsqlCommand(Items, connection) { Parameters = { new() { Value = ids } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var id = rows.GetGuid(0);
            if (rows.IsDBNull(1))
                throw new RpcException(new Status(StatusCode.NotFound, $"There is no review item {id}; ListReviewItems gives the ids."));
            if (EnumText.FromColumn<ReviewState>(rows.GetString(3)) == ReviewState.Closed)
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition,
                    $"Review item {id} is closed already. ListDecisions says who decided; name its images to decide otherwise."));
            }

            items.Add(new NamedItem(
                id, EnumText.FromColumn<ReviewKind>(rows.GetString(4)), rows.GetGuid(1), rows.IsDBNull(2) ? null : rows.GetGuid(2),
                rows.IsDBNull(5) ? null : rows.GetGuid(5)));
        }

        return items;
    }
}
