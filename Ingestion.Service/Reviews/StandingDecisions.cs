using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.LesionViews;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Reviews;
using Npgsql;

namespace Melanoma.Ingestion.Reviews;

/// <summary>
/// Brings the catalogue in step with the log of decisions: what holds for an image is the newest settling or excluding of it that was not undone.
/// Nothing else is remembered, so an undoing ends exactly where the log without the undone decision would have. The catalogue's lock must be held.
/// </summary>
internal static class StandingDecisions
{
    private const string Standing = """
        WITH standing AS (
            SELECT DISTINCT ON (about.image_id) about.image_id, decision.action, decision.diagnoses, decision.decided_by, decision.decided_at
            FROM review_decision_images AS about JOIN review_decisions AS decision ON decision.id = about.decision_id
            WHERE about.image_id = ANY($1) AND decision.action IN ('settle', 'exclude')
                AND NOT EXISTS (SELECT FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id)
            ORDER BY about.image_id, decision.id DESC)

        """;

    private const string TakeClaimsBack = "DELETE FROM label_claims WHERE image_id = ANY($1) AND rank = $2";

    private const string Claim = Standing + """
        INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
        SELECT image_id, diagnoses, $2, decided_by, decided_at FROM standing WHERE action = 'settle'
        """;

    private const string Exclude = Standing + """
        UPDATE images SET excluded_at = standing.decided_at
        FROM unnest($1::uuid[]) AS wanted (id) LEFT JOIN standing ON standing.image_id = wanted.id AND standing.action = 'exclude'
        WHERE images.id = wanted.id AND images.excluded_at IS DISTINCT FROM standing.decided_at
        """;

    // What a reviewer says of the label of a lesion answers the items of all its images, see LabelResolution; an excluded image is no question.
    private const string CloseItems = """
        UPDATE review_items SET state = $2, closed_at = $3 FROM images
        WHERE kind = ANY($4) AND images.id = ANY($1) AND review_items.image_id = images.id AND state <> $2 AND excluded_at IS NOT NULL
        """;

    // Only what a decision about the lesion closed, told by the time, which no two decisions share; of several items of an image the newest.
    private const string ReopenItems = """
        WITH closed AS (
            SELECT DISTINCT ON (item.kind, item.image_id) item.id FROM review_items AS item JOIN images ON images.id = item.image_id
            WHERE item.kind = ANY($4) AND images.group_id = ANY($1) AND item.state = $2 AND images.excluded_at IS NULL AND images.forgotten_at IS NULL
                AND EXISTS (SELECT FROM review_decisions AS decision JOIN review_decision_images AS about ON about.decision_id = decision.id
                    JOIN images AS decided ON decided.id = about.image_id
                    WHERE decision.decided_at = item.closed_at AND decided.group_id = images.group_id)
                AND NOT EXISTS (SELECT FROM label_claims JOIN images AS decided ON decided.id = label_claims.image_id
                    WHERE decided.group_id = images.group_id AND rank = $5 AND decided.excluded_at IS NULL AND decided.forgotten_at IS NULL
                        AND (item.kind = 'labelerror' OR claimed_at >= item.opened_at))
                AND NOT EXISTS (SELECT FROM review_items AS other WHERE other.kind = item.kind AND other.image_id = item.image_id AND other.state <> $2)
            ORDER BY item.kind, item.image_id, item.id DESC)
        UPDATE review_items SET state = $3, closed_at = NULL FROM closed WHERE review_items.id = closed.id
        """;

    /// <summary>The kinds of items that ask about the label of an image.</summary>
    private static readonly string[] AboutLabels = [ReviewKind.LabelError.ToColumn(), ReviewKind.Feedback.ToColumn()];

    /// <summary>Derives claims, exclusions, labels and items of images anew from the log.</summary>
    public static async Task ApplyAsync(
        NpgsqlConnection connection, IReadOnlyCollection<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var ids = images.Select(image => image.Id).ToArray();
        var groups = images.Select(image => image.GroupId).Distinct().ToArray();
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        Add(batch, TakeClaimsBack, ids, (short)ClaimRank.Reviewer);
        Add(batch, Claim, ids, (short)ClaimRank.Reviewer);
        Add(batch, Exclude, ids);
        Add(batch, CloseItems, ids, ReviewState.Closed.ToColumn(), now, AboutLabels);
        Add(batch, ReopenItems, groups, ReviewState.Closed.ToColumn(), ReviewState.Open.ToColumn(), AboutLabels, (short)ClaimRank.Reviewer);
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await LabelResolution.ApplyAsync(connection, groups, now, cancellationToken);
        await LesionViewQuestions.CloseAnsweredAsync(connection, now, cancellationToken);
        await LesionViewQuestions.ReopenAsync(connection, ids, cancellationToken);
    }

    private static void Add(NpgsqlBatch batch, string statement, params object[] parameters)
    {
        var command = new NpgsqlBatchCommand(statement);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        batch.BatchCommands.Add(command);
    }
}
