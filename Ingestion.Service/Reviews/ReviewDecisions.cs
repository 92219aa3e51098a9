using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.LesionViews;
using Melanoma.Storage;
using Melanoma.Storage.Reviews;
using Npgsql;
using NpgsqlTypes;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Reviews;

/// <summary>
/// Writes decisions. Each is one transaction under the catalogue's lock: who decides at the same time waits, and sees what the other decided.
/// A preview does the same and takes it back, so that it cannot say anything else.
/// </summary>
internal sealed partial class ReviewDecisions(NpgsqlDataSource dataSource, IngestionMetrics metrics, TimeProvider time, ILogger<ReviewDecisions> logger)
{
    // The log rises in time, whatever the clock does: what a decision closed is found by its time.
    private const string InsertDecision = """
        INSERT INTO review_decisions (action, diagnoses, decided_by, decided_at, comment, undoes_id)
        VALUES ($1, $2, $3, greatest($4, (SELECT decided_at + interval '1 microsecond' FROM review_decisions ORDER BY id DESC LIMIT 1)), $5, $6)
        RETURNING id, decided_at
        """;

    private const string InsertImages = "INSERT INTO review_decision_images (decision_id, image_id) SELECT $1, unnest($2::uuid[])";

    private const string Undoable = """
        SELECT action, (SELECT undoing.id FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id)
        FROM review_decisions AS decision WHERE id = $1
        """;

    private const string ImagesOfDecision = "SELECT images.id, group_id FROM review_decision_images JOIN images ON images.id = image_id WHERE decision_id = $1";

    // An item keeps the group that its image was in when it was opened.
    private const string ItemsInQueue = """
        SELECT item.id FROM review_items AS item
        LEFT JOIN images ON images.id = item.image_id LEFT JOIN images AS other ON other.id = item.other_image_id
        WHERE item.state <> 'closed' AND (item.group_id = ANY($1) OR images.group_id = ANY($1) OR other.group_id = ANY($1))
        """;

    private const string CountOpen = "SELECT count(*)::int FROM review_items WHERE state = 'open'";

    private delegate Task<IReadOnlyList<SelectedImage>> Selection(NpgsqlConnection connection, CancellationToken cancellationToken);

    private delegate Task Effect(NpgsqlConnection connection, IReadOnlyList<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Gives images a label.</summary>
    public Task<V1.ReviewOutcome> SettleAsync(
        ImageSelectionQuery selection, DiagnosisSet diagnoses, string decidedBy, string comment, bool preview, CancellationToken cancellationToken) =>
        DecideAsync(
            new NewDecision(ReviewAction.Settle, decidedBy, comment) { Diagnoses = diagnoses },
            (connection, token) => selection.ReadAsync(connection, takeExcluded: false, token), StandingDecisions.ApplyAsync, preview, cancellationToken);

    /// <summary>Leaves images out of later datasets.</summary>
    public Task<V1.ReviewOutcome> ExcludeAsync(
        ImageSelectionQuery selection, string decidedBy, string comment, bool preview, CancellationToken cancellationToken) =>
        DecideAsync(
            new NewDecision(ReviewAction.Exclude, decidedBy, comment),
            (connection, token) => selection.ReadAsync(connection, takeExcluded: true, token), StandingDecisions.ApplyAsync, preview, cancellationToken);

    /// <summary>Joins the lesions of an item's two images for ever.</summary>
    public Task<V1.ReviewOutcome> ConfirmAsync(Guid item, string decidedBy, string comment, bool preview, CancellationToken cancellationToken) =>
        DecideAsync(
            new NewDecision(ReviewAction.Confirm, decidedBy, comment), (connection, token) => LesionViewDecisions.ReadAsync(connection, item, time.GetUtcNow(), token),
            LesionViewDecisions.JoinAsync, preview, cancellationToken);

    /// <summary>Says that an item's two images show different lesions.</summary>
    public Task<V1.ReviewOutcome> RejectAsync(Guid item, string decidedBy, string comment, CancellationToken cancellationToken) =>
        DecideAsync(
            new NewDecision(ReviewAction.Reject, decidedBy, comment), (connection, token) => LesionViewDecisions.ReadAsync(connection, item, time.GetUtcNow(), token),
            LesionViewDecisions.KeepApartAsync, preview: false, cancellationToken);

    /// <summary>Puts items off.</summary>
    public Task<V1.ReviewOutcome> DeferAsync(Guid[] items, string decidedBy, string comment, CancellationToken cancellationToken) =>
        DecideAsync(
            new NewDecision(ReviewAction.Defer, decidedBy, comment),
            (connection, token) => ImageSelectionQuery.OfItems(items).ReadAsync(connection, takeExcluded: true, token),
            (connection, _, _, token) => DeferredItems.PutOffAsync(connection, items, token), preview: false, cancellationToken);

    /// <summary>Takes a decision back.</summary>
    /// <exception cref="RpcException">NOT_FOUND: there is no such decision. FAILED_PRECONDITION: it cannot be undone.</exception>
    public async Task<V1.ReviewOutcome> UndoAsync(long decisionId, string decidedBy, string comment, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var undone = await FindUndoableAsync(connection, decisionId, cancellationToken);
        var images = await ReadImagesAsync(connection, decisionId, cancellationToken);
        var outcome = await RecordAsync(
            connection, new NewDecision(ReviewAction.Undo, decidedBy, comment) { UndoesId = decisionId }, images,
            undone switch
            {
                ReviewAction.Defer => DeferredItems.TakeBackAsync,
                ReviewAction.Reject => LesionViewDecisions.AskAgainAsync,
                _ => StandingDecisions.ApplyAsync,
            },
            cancellationToken);
        await CommitAsync(transaction, outcome, cancellationToken);
        return outcome;
    }

    private async Task<V1.ReviewOutcome> DecideAsync(
        NewDecision decision, Selection select, Effect effect, bool preview, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var images = await select(connection, cancellationToken);
        var outcome = await RecordAsync(connection, decision, images, effect, cancellationToken);
        if (preview)
            outcome.Decision = null;
        else
            await CommitAsync(transaction, outcome, cancellationToken);
        return outcome;
    }

    private async Task<V1.ReviewOutcome> RecordAsync(
        NpgsqlConnection connection, NewDecision decision, IReadOnlyList<SelectedImage> images, Effect effect, CancellationToken cancellationToken)
    {
        var before = await ReadQueueAsync(connection, images, cancellationToken);
        var (id, decidedAt) = await InsertAsync(connection, decision, images, cancellationToken);
        await effect(connection, images, decidedAt, cancellationToken);
        var after = await ReadQueueAsync(connection, images, cancellationToken);
        await using var count = new NpgsqlCommand(CountOpen, connection);
        var outcome = new V1.ReviewOutcome
        {
            Images = images.Count,
            ClosedItems = before.Count(item => !after.Contains(item)),
            ReopenedItems = after.Count(item => !before.Contains(item)),
            OpenItems = (int)(await count.ExecuteScalarAsync(cancellationToken))!,
            Decision = await ReviewHistory.FindAsync(connection, id, cancellationToken),
        };
        if (decision.Action == ReviewAction.Confirm)
            await LesionViewDecisions.DescribeAsync(connection, images[0].Id, outcome, cancellationToken);
        return outcome;
    }

    private async Task CommitAsync(NpgsqlTransaction transaction, V1.ReviewOutcome outcome, CancellationToken cancellationToken)
    {
        await transaction.CommitAsync(cancellationToken);
        metrics.ReviewDecided(outcome.Decision.Action);
        LogDecided(outcome.Decision.DecisionId, outcome.Decision.Action, outcome.Images, outcome.ClosedItems, outcome.ReopenedItems);
    }

    private async Task<(long Id, DateTimeOffset DecidedAt)> InsertAsync(
        NpgsqlConnection connection, NewDecision decision, IReadOnlyList<SelectedImage> images, CancellationToken cancellationToken)
    {
        (long Id, DateTimeOffset DecidedAt) inserted;
        await using (var insert = new NpgsqlCommand(InsertDecision, connection)
        {
            Parameters =
            {
                new() { Value = decision.Action.ToColumn() },
                new() { Value = decision.Diagnoses is { } diagnoses ? diagnoses.Bits : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Smallint },
                new() { Value = decision.DecidedBy },
                new() { Value = time.GetUtcNow() },
                new() { Value = decision.Comment },
                new() { Value = decision.UndoesId is { } undoes ? undoes : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
            },
        })
        await using (var rows = await insert.ExecuteReaderAsync(cancellationToken))
        {
            await rows.ReadAsync(cancellationToken);
            inserted = (rows.GetInt64(0), rows.GetFieldValue<DateTimeOffset>(1));
        }

        await using var about = new NpgsqlCommand(InsertImages, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters = { new() { Value = inserted.Id }, new() { Value = images.Select(image => image.Id).ToArray() } },
        };
        await about.ExecuteNonQueryAsync(cancellationToken);
        return inserted;
    }

    private static async Task<ReviewAction> FindUndoableAsync(NpgsqlConnection connection, long id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Undoable, connection) { Parameters = { new() { Value = id } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        if (!await rows.ReadAsync(cancellationToken))
            throw new RpcException(new Status(StatusCode.NotFound, $"There is no decision {id}; ListDecisions gives the numbers."));
        var action = EnumText.FromColumn<ReviewAction>(rows.GetString(0));
        if (!rows.IsDBNull(1))
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Decision {id} was undone already, by decision {rows.GetInt64(1)}."));
        if (action == ReviewAction.Undo)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Decision {id} is an undoing, which cannot be undone. Decide anew."));
        if (action == ReviewAction.Confirm)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition,
                $"Decision {id} made one lesion of two, which cannot be undone: its split is for ever. Exclude the picture that does not belong there."));
        }

        return action;
    }

    private static async Task<List<SelectedImage>> ReadImagesAsync(NpgsqlConnection connection, long decision, CancellationToken cancellationToken)
    {
        var images = new List<SelectedImage>();
        await using var command = new NpgsqlCommand(ImagesOfDecision, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters = { new() { Value = decision } },
        };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            images.Add(new SelectedImage(rows.GetGuid(0), rows.GetGuid(1)));
        return images;
    }

    private static async Task<HashSet<Guid>> ReadQueueAsync(
        NpgsqlConnection connection, IReadOnlyList<SelectedImage> images, CancellationToken cancellationToken)
    {
        var items = new HashSet<Guid>();
        await using var command = new NpgsqlCommand(ItemsInQueue, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters = { new() { Value = images.Select(image => image.GroupId).Distinct().ToArray() } },
        };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            items.Add(rows.GetGuid(0));
        return items;
    }

    [LoggerMessage(41, LogLevel.Information, "Decision {DecisionId} ({Action}) is about {Images} images; {Closed} review items closed, {Reopened} opened")]
    private partial void LogDecided(long decisionId, string action, int images, int closed, int reopened);

    private sealed record NewDecision(ReviewAction Action, string DecidedBy, string Comment)
    {
        public DiagnosisSet? Diagnoses { get; init; }

        public long? UndoesId { get; init; }
    }
}
