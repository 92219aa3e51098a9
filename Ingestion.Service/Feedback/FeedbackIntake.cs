using Grpc.Core;
using Melanoma.Ingestion.Reviews;
using Melanoma.Storage;
using Melanoma.Storage.Predictions;
using Npgsql;

namespace Melanoma.Ingestion.Feedback;

/// <summary>
/// Takes feedback that waits: images that came with it and that the catalogue does not have are delivered first, then all of it is settled. What is settled has an outcome
/// and waits no more, so that repeating it changes nothing, wherever it was broken off.
/// </summary>
internal sealed partial class FeedbackIntake(FeedbackDelivery delivery, FeedbackSettlement settlement, NpgsqlDataSource dataSource, ILogger<FeedbackIntake> logger) : IFindingItems, IDisposable
{
    private const int AtOnce = 100;

    // What was about an unknown image waits again once somebody has delivered the image.
    private const string Waiting = """
        SELECT given.id, given.image_sha256, images.id IS NULL AND image.feedback_id IS NOT NULL
        FROM feedback AS given
        LEFT JOIN feedback_outcomes AS outcome ON outcome.feedback_id = given.id
        LEFT JOIN feedback_images AS image ON image.feedback_id = given.id
        LEFT JOIN images ON images.sha256 = given.image_sha256
        WHERE outcome.feedback_id IS NULL OR (outcome.state = $1 AND images.id IS NOT NULL)
        ORDER BY given.id LIMIT $2
        """;

    private readonly SemaphoreSlim _one = new(1);

    public string Found => "Feedback";

    public async Task UpdateAsync(Guid? source, CancellationToken cancellationToken)
    {
        // The sweep and messages of this process do not deliver the same image twice; between replicas it would only be a line more.
        await _one.WaitAsync(cancellationToken);
        try
        {
            while (await TakeAsync(cancellationToken) == AtOnce)
            {
                // There may be more.
            }
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<int> TakeAsync(CancellationToken cancellationToken)
    {
        var waiting = await ReadAsync(cancellationToken);
        if (waiting.Count == 0)
            return 0;
        var toDeliver = waiting.Where(feedback => feedback.BringsImage).DistinctBy(feedback => feedback.Hash).Select(feedback => feedback.Id).ToList();
        IReadOnlyDictionary<Guid, string> refused = new Dictionary<Guid, string>();
        try
        {
            if (toDeliver.Count > 0)
                refused = await delivery.ReceiveAsync(toDeliver, cancellationToken);
        }
        catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
        {
            // Nothing is taken in while a disk is short of room; the feedback waits for the sweep, and labels and reviews go on.
            LogWaits(full.Status.Detail);
            return 0;
        }

        var reasons = waiting.Where(feedback => refused.ContainsKey(feedback.Id)).ToDictionary(feedback => feedback.Hash, feedback => refused[feedback.Id], StringComparer.Ordinal);
        await settlement.SettleAsync([.. waiting.Select(feedback => feedback.Id)], reasons, cancellationToken);
        return waiting.Count;
    }

    private async Task<List<WaitingFeedback>> ReadAsync(CancellationToken cancellationToken)
    {
        var waiting = new List<WaitingFeedback>();
        await using var command = dataSource.CreateCommand(Waiting);
        command.Parameters.Add(new() { Value = FeedbackState.ImageUnknown.ToColumn() });
        command.Parameters.Add(new() { Value = AtOnce });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            waiting.Add(new WaitingFeedback(rows.GetGuid(0), Convert.ToHexString(rows.GetFieldValue<byte[]>(1)), rows.GetBoolean(2)));
        return waiting;
    }

    [LoggerMessage(1, LogLevel.Warning, "Feedback that brought an image waits: {Reason}")]
    private partial void LogWaits(string reason);

    /// <summary>Feedback without an outcome.</summary>
    /// <param name="Id">The feedback.</param>
    /// <param name="Hash">Its image's SHA-256 in hexadecimal.</param>
    /// <param name="BringsImage">Whether it brought the image and the catalogue does not have it.</param>
    private sealed record WaitingFeedback(Guid Id, string Hash, bool BringsImage);
}
