using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Melanoma.Ingestion.Images;
using Melanoma.Storage;
using Melanoma.Storage.Reviews;
using Npgsql;
using NpgsqlTypes;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Reviews;

/// <summary>
/// Reads what is to be looked at: open items before deferred ones, conflicts before feedback before likely label errors before other views of lesions, of a kind the most urgent first and of
/// equally urgent ones the oldest.
/// </summary>
internal sealed class ReviewQueue(NpgsqlDataSource dataSource)
{
    private const string Items = """
        SELECT item.id, kind, state, coalesce(images.group_id, item.group_id), image_id, opened_at, score, suggested, reason, array_position($1, state),
            other_image_id, other.group_id
        FROM review_items AS item LEFT JOIN images ON images.id = image_id LEFT JOIN images AS other ON other.id = other_image_id
        WHERE state = ANY($1) AND ($2 IS NULL OR kind = $2)
            AND ($3 IS NULL OR (array_position($1, state), kind, -score, item.id) > ($3, $4, -$5, $6))
        ORDER BY array_position($1, state), kind, -score, item.id LIMIT $7
        """;

    // Of a lesion with more the first are enough to decide by, and an item must fit into a message.
    private const int ImagesAtMost = 100;
    private const int ClaimsAtMost = 200;

    private const string ImagesOfGroups = """
        SELECT group_id, id FROM (SELECT group_id, id, number, row_number() OVER (PARTITION BY group_id ORDER BY number) AS place FROM images WHERE group_id = ANY($1)) AS views
        WHERE place <= $2 ORDER BY number
        """;

    private const string CountOpen = "SELECT count(*)::int FROM review_items WHERE state = 'open'";

    private static readonly ReviewState[] Waiting = [ReviewState.Open, ReviewState.Deferred];

    /// <summary>The first item; null when there is nothing to look at.</summary>
    public async Task<V1.ReviewItem?> FindNextAsync(ReviewKind? kind, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        if (await ReadAsync(connection, kind, Waiting, null, 1, cancellationToken) is not [var row])
            return null;
        var item = (await DescribeAsync(connection, [row], cancellationToken)).Single();
        await using var count = new NpgsqlCommand(CountOpen, connection);
        item.Waiting = (int)(await count.ExecuteScalarAsync(cancellationToken))! - (row.State == ReviewState.Open ? 1 : 0);
        return item;
    }

    /// <summary>A page of items, with the token of the next one.</summary>
    /// <param name="kind">Null for all kinds.</param>
    /// <param name="state">Null for those that wait, open or deferred.</param>
    /// <param name="after">Where the last page ended; null for the first.</param>
    /// <param name="count">At most this many.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public async Task<V1.ListReviewItemsResponse> ListAsync(
        ReviewKind? kind, ReviewState? state, QueuePlace? after, int count, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var rows = await ReadAsync(connection, kind, state is { } one ? [one] : Waiting, after, count + 1, cancellationToken);
        var page = rows.Take(count).ToList();
        return new V1.ListReviewItemsResponse
        {
            Items = { await DescribeAsync(connection, page, cancellationToken) },
            NextPageToken = rows.Count > count ? page[^1].Place.ToToken() : "",
        };
    }

    private static async Task<List<Row>> ReadAsync(
        NpgsqlConnection connection, ReviewKind? kind, ReviewState[] states, QueuePlace? after, int count, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Items, connection)
        {
            Parameters =
            {
                new() { Value = states.Select(state => state.ToColumn()).ToArray() },
                new() { Value = kind is { } one ? one.ToColumn() : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = after is { } place ? place.State : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                new() { Value = after?.Kind ?? "", NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = after?.Score ?? 0, NpgsqlDbType = NpgsqlDbType.Real },
                new() { Value = after?.Id ?? Guid.Empty, NpgsqlDbType = NpgsqlDbType.Uuid },
                new() { Value = count },
            },
        };
        var found = new List<Row>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            found.Add(new Row(
                new QueuePlace(rows.GetInt32(9), rows.GetString(1), rows.GetFloat(6), rows.GetGuid(0)), EnumText.FromColumn<ReviewState>(rows.GetString(2)),
                rows.GetGuid(3), rows.IsDBNull(4) ? null : rows.GetGuid(4), rows.GetFieldValue<DateTimeOffset>(5),
                rows.IsDBNull(7) ? DiagnosisSet.Empty : new DiagnosisSet(rows.GetInt16(7)), rows.GetString(8))
            {
                Other = rows.IsDBNull(10) ? null : (rows.GetGuid(10), rows.GetGuid(11)),
            });
        }

        return found;
    }

    private static async Task<List<V1.ReviewItem>> DescribeAsync(NpgsqlConnection connection, List<Row> rows, CancellationToken cancellationToken)
    {
        var ofGroup = await ReadGroupsAsync(connection, [.. rows.Where(row => row.ImageId is null).Select(row => row.GroupId).Distinct()], cancellationToken);
        var ids = rows.SelectMany(row => ImagesOf(row, ofGroup)).Distinct().ToList();
        var images = (await ImageReader.ReadAsync(connection, ids, cancellationToken)).ToDictionary(image => image.ImageId, StringComparer.Ordinal);
        var claims = await ImageReader.ReadClaimsAsync(connection, [.. rows.SelectMany(row => row.Groups).Distinct()], cancellationToken);
        return [.. rows.Select(row =>
        {
            var item = new V1.ReviewItem
            {
                ItemId = row.Place.Id.ToString(),
                Kind = EnumText.FromColumn<ReviewKind>(row.Place.Kind) switch
                {
                    ReviewKind.Conflict => V1.ReviewKind.Conflict,
                    ReviewKind.Feedback => V1.ReviewKind.Feedback,
                    ReviewKind.LabelError => V1.ReviewKind.LabelError,
                    _ => V1.ReviewKind.LesionViews,
                },
                State = row.State switch
                {
                    ReviewState.Open => V1.ReviewState.Open,
                    ReviewState.Deferred => V1.ReviewState.Deferred,
                    _ => V1.ReviewState.Closed,
                },
                OpenedAt = Timestamp.FromDateTimeOffset(row.OpenedAt),
                Reason = row.Reason,
                Score = row.Place.Score,
            };
            item.Suggested.AddRange(row.Suggested.Members.Select(Diagnoses.NameOf));
            item.Images.AddRange(ImagesOf(row, ofGroup).Select(id => images[id.ToString()]));
            item.Claims.AddRange(row.Groups.SelectMany(group => claims[group].Take(ClaimsAtMost / row.Groups.Count)));
            return item;
        })];
    }

    private static IEnumerable<Guid> ImagesOf(Row row, ILookup<Guid, Guid> ofGroup) => (row.ImageId, row.Other) switch
    {
        ({ } image, { } other) => [image, other.ImageId],
        ({ } image, null) => [image],
        _ => ofGroup[row.GroupId],
    };

    private static async Task<ILookup<Guid, Guid>> ReadGroupsAsync(NpgsqlConnection connection, Guid[] groups, CancellationToken cancellationToken)
    {
        var images = new List<(Guid Group, Guid Image)>();
        await using var command = new NpgsqlCommand(ImagesOfGroups, connection) { Parameters = { new() { Value = groups }, new() { Value = ImagesAtMost } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            images.Add((rows.GetGuid(0), rows.GetGuid(1)));
        return images.ToLookup(image => image.Group, image => image.Image);
    }

    private sealed record Row(
        QueuePlace Place, ReviewState State, Guid GroupId, Guid? ImageId, DateTimeOffset OpenedAt, DiagnosisSet Suggested, string Reason)
    {
        /// <summary>The second of two images, and its group.</summary>
        public (Guid ImageId, Guid GroupId)? Other { get; init; }

        /// <summary>The groups of the images, each once.</summary>
        public IReadOnlyList<Guid> Groups => Other is { } other && other.GroupId != GroupId ? [GroupId, other.GroupId] : [GroupId];
    }
}
