using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Reviews;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>
/// Puts pictures that are likely to show one lesion before a reviewer. What is to be asked is derived from what runs found, from the groups and from the
/// decisions, so repeating it changes nothing, and a decision that is taken back brings the question back. Nothing is joined here.
/// </summary>
internal sealed partial class LesionViewItems(NpgsqlDataSource dataSource, TimeProvider time, ILogger<LesionViewItems> logger) : IFindingItems
{
    // Of all pairs of pictures of two lesions the surest is shown; how many places agree depends on the pictures alone, so all runs say the same of a pair.
    private const string Findings = LesionViewQuestions.Rejected + LesionViewQuestions.Waiting + $"""
        , finding AS (
            SELECT DISTINCT ON (least(first.group_id, second.group_id), greatest(first.group_id, second.group_id))
                found.image_id, found.other_image_id, first.group_id, found.agreeing_places
            FROM likely_lesion_views AS found JOIN images AS first ON first.id = found.image_id JOIN images AS second ON second.id = found.other_image_id
            WHERE ($1 IS NULL OR found.run_id = $1) AND {LesionViewQuestions.Asked}
                AND NOT EXISTS (
                    SELECT FROM waiting WHERE low = least(first.group_id, second.group_id) AND high = greatest(first.group_id, second.group_id) AND asked)
            ORDER BY least(first.group_id, second.group_id), greatest(first.group_id, second.group_id), agreeing_places DESC, found.image_id, found.other_image_id)

        """;

    private const string IsOutOfDate =
        Findings + "SELECT EXISTS (SELECT FROM finding) OR EXISTS (SELECT FROM waiting WHERE NOT (asked AND place = 1))";

    private const string New = Findings + "SELECT image_id, other_image_id FROM finding ORDER BY agreeing_places DESC, image_id, other_image_id";

    private const string Open = Findings + """
        INSERT INTO review_items (id, kind, group_id, image_id, other_image_id, state, opened_at, score, reason)
        SELECT item.id, 'lesionviews', group_id, image_id, other_image_id, 'open', $2, agreeing_places,
            format('%s places of one picture are found in the other by one shift, turn and zoom.', agreeing_places)
        FROM finding JOIN unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS item (id, image_id, other_image_id) USING (image_id, other_image_id)
        """;

    public string Found => "Other views of lesions";

    public async Task UpdateAsync(Guid? source, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using (var ask = Command(connection, IsOutOfDate, source))
        {
            if (!(bool)(await ask.ExecuteScalarAsync(cancellationToken))!)
                return;
        }

        var now = time.GetUtcNow();
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var closed = await LesionViewQuestions.CloseAnsweredAsync(connection, now, cancellationToken);
        var opened = await OpenAsync(connection, source, now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogUpdated(opened, closed);
    }

    private static async Task<int> OpenAsync(NpgsqlConnection connection, Guid? source, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var pairs = new List<(Guid Image, Guid Other)>();
        await using (var command = Command(connection, New, source))
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                pairs.Add((rows.GetGuid(0), rows.GetGuid(1)));
        }

        await using var open = Command(connection, Open, source);
        open.Parameters.Add(new() { Value = now });
        open.Parameters.Add(new() { Value = pairs.Select(_ => Guid.CreateVersion7(now)).ToArray() });
        open.Parameters.Add(new() { Value = pairs.Select(pair => pair.Image).ToArray() });
        open.Parameters.Add(new() { Value = pairs.Select(pair => pair.Other).ToArray() });
        return await open.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string statement, Guid? source) => new(statement, connection)
    {
        CommandTimeout = CatalogueLock.Timeout,
        Parameters = { new() { Value = (object?)source ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid } },
    };

    [LoggerMessage(63, LogLevel.Information, "{Opened} pairs of pictures that may show one lesion were put before a reviewer, {Closed} are no question any more")]
    private partial void LogUpdated(int opened, int closed);
}
