using Npgsql;

namespace Melanoma.Ingestion.Reviews;

/// <summary>Items that were put off. The catalogue's lock must be held.</summary>
internal static class DeferredItems
{
    private const string PutOff = "UPDATE review_items SET state = 'deferred' WHERE id = ANY($1) AND state = 'open'";

    // An item stays put off as long as any putting off of its images stands that came after it was opened.
    private const string TakeBack = """
        UPDATE review_items AS item SET state = 'open'
        WHERE state = 'deferred' AND (item.image_id = ANY($1) OR (item.image_id IS NULL AND item.group_id = ANY($2)))
            AND NOT EXISTS (
                SELECT FROM review_decisions AS decision JOIN review_decision_images AS about ON about.decision_id = decision.id
                    JOIN images ON images.id = about.image_id
                WHERE decision.action = 'defer' AND decision.decided_at >= item.opened_at
                    AND NOT EXISTS (SELECT FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id)
                    AND (about.image_id = item.image_id OR (item.image_id IS NULL AND images.group_id = item.group_id))
                    AND (item.other_image_id IS NULL OR EXISTS (
                        SELECT FROM review_decision_images AS also WHERE also.decision_id = decision.id AND also.image_id = item.other_image_id)))
        """;

    public static async Task PutOffAsync(NpgsqlConnection connection, Guid[] items, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(PutOff, connection) { Parameters = { new() { Value = items } } };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Opens the items of images that no putting off holds back any more.</summary>
    public static async Task TakeBackAsync(
        NpgsqlConnection connection, IReadOnlyCollection<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(TakeBack, connection)
        {
            Parameters =
            {
                new() { Value = images.Select(image => image.Id).ToArray() },
                new() { Value = images.Select(image => image.GroupId).Distinct().ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
