using Melanoma.Ingestion.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>
/// Whether two images show one lesion is a question for as long as they are in different groups, neither was excluded or forgotten, and no reviewer called
/// their lesions different. It is asked once for two lesions, however many pictures they have. The catalogue's lock must be held by whoever changes items.
/// </summary>
internal static class LesionViewQuestions
{
    /// <summary>Common table expressions: <c>rejected (low, high)</c> has pairs of groups that a reviewer called different.</summary>
    public const string Rejected = """
        WITH rejected AS (
            SELECT least(first.group_id, second.group_id) AS low, greatest(first.group_id, second.group_id) AS high FROM review_decisions AS decision
            JOIN review_decision_images AS one ON one.decision_id = decision.id JOIN images AS first ON first.id = one.image_id
            JOIN review_decision_images AS other ON other.decision_id = decision.id AND other.image_id > one.image_id
            JOIN images AS second ON second.id = other.image_id
            WHERE decision.action = 'reject' AND NOT EXISTS (SELECT FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id))
        """;

    /// <summary>Whether two rows <c>first</c> and <c>second</c> of images are a question.</summary>
    public const string Asked = """
        first.group_id <> second.group_id AND first.excluded_at IS NULL AND first.forgotten_at IS NULL AND second.excluded_at IS NULL AND second.forgotten_at IS NULL
        AND NOT EXISTS (SELECT FROM rejected WHERE low = least(first.group_id, second.group_id) AND high = greatest(first.group_id, second.group_id))
        """;

    /// <summary>Continues <see cref="Rejected"/>: <c>waiting</c> has the items that are open or put off; only those with <c>asked</c> and place 1 are to stay.</summary>
    public const string Waiting = $"""
        , paired AS (
            SELECT item.id, item.score, least(first.group_id, second.group_id) AS low, greatest(first.group_id, second.group_id) AS high, {Asked} AS asked
            FROM review_items AS item JOIN images AS first ON first.id = item.image_id JOIN images AS second ON second.id = item.other_image_id
            WHERE item.kind = 'lesionviews' AND item.state <> 'closed'),
        waiting AS (SELECT id, low, high, asked, row_number() OVER (PARTITION BY low, high, asked ORDER BY score DESC, id) AS place FROM paired)

        """;

    private const string Close = Rejected + Waiting + """
        UPDATE review_items SET state = 'closed', closed_at = $1 FROM waiting WHERE review_items.id = waiting.id AND NOT (asked AND place = 1)
        """;

    // Only what a decision closed, told by the time, which no two decisions share.
    private const string Reopen = Rejected + Waiting + $"""
        , reopened AS (
            SELECT DISTINCT ON (least(first.group_id, second.group_id), greatest(first.group_id, second.group_id)) item.id
            FROM review_items AS item JOIN images AS first ON first.id = item.image_id JOIN images AS second ON second.id = item.other_image_id
            WHERE item.kind = 'lesionviews' AND item.state = 'closed' AND (item.image_id = ANY($1) OR item.other_image_id = ANY($1)) AND {Asked}
                AND EXISTS (SELECT FROM review_decisions AS decision JOIN review_decision_images AS about ON about.decision_id = decision.id
                    WHERE decision.decided_at = item.closed_at AND about.image_id IN (item.image_id, item.other_image_id))
                AND NOT EXISTS (SELECT FROM waiting WHERE low = least(first.group_id, second.group_id) AND high = greatest(first.group_id, second.group_id))
            ORDER BY least(first.group_id, second.group_id), greatest(first.group_id, second.group_id), item.score DESC, item.id)
        UPDATE review_items SET state = 'open', closed_at = NULL FROM reopened WHERE review_items.id = reopened.id
        """;

    /// <summary>Closes the items that are no question any more, and of several about the same two lesions all but the surest.</summary>
    /// <returns>How many were closed.</returns>
    public static async Task<int> CloseAnsweredAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Close, connection) { CommandTimeout = CatalogueLock.Timeout, Parameters = { new() { Value = now } } };
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Opens again what a decision about these images closed and is a question again.</summary>
    public static async Task ReopenAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Reopen, connection) { CommandTimeout = CatalogueLock.Timeout, Parameters = { new() { Value = images } } };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
