using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record ReviewListDocument(IReadOnlyList<ReviewItemDocument> Items, bool More);

/// <summary>The first item of the queue; no <c>item</c> when there is nothing to look at.</summary>
internal sealed record NextReviewDocument(ReviewItemDocument? Item, int Waiting, IReadOnlyList<string>? Files);

/// <summary>A review item; <c>claims</c> from high rank to low.</summary>
internal sealed record ReviewItemDocument(
    string Id, string Kind, string State, string Reason, double Score, IReadOnlyList<string> Suggested, DateTimeOffset OpenedAt,
    IReadOnlyList<ImageDocument> Images, IReadOnlyList<ClaimDocument> Claims)
{
    public const string LesionViews = "lesion-views";

    private const string Feedback = "feedback";

    public static ReviewItemDocument From(ReviewItem item) => new(
        item.ItemId, WordOf(item.Kind), item.State.ToString().ToLowerInvariant(), item.Reason, item.Score,
        [.. item.Suggested], item.OpenedAt.ToDateTimeOffset(), [.. item.Images.Select(ImageDocument.From)], [.. item.Claims.Select(ClaimDocument.From)]);

    public static ReviewKind KindOf(string? word) => word switch
    {
        null => ReviewKind.Unspecified,
        "conflict" => ReviewKind.Conflict,
        LesionViews => ReviewKind.LesionViews,
        Feedback => ReviewKind.Feedback,
        _ => ReviewKind.LabelError,
    };

    public static ReviewState StateOf(string? word) => word is null ? ReviewState.Unspecified : Enum.Parse<ReviewState>(word, ignoreCase: true);

    private static string WordOf(ReviewKind kind) => kind switch
    {
        ReviewKind.LabelError => "label-error",
        ReviewKind.LesionViews => LesionViews,
        ReviewKind.Feedback => Feedback,
        _ => "conflict",
    };
}

/// <summary>What a decision did, or in a preview would do; <c>joinedSplit</c> and <c>dividedDatasets</c> where it made one lesion of two.</summary>
internal sealed record ReviewOutcomeDocument(
    bool Preview, DecisionDocument? Decision, int Images, int ClosedItems, int ReopenedItems, int OpenItems, string? JoinedSplit, IReadOnlyList<int> DividedDatasets)
{
    public static ReviewOutcomeDocument From(ReviewOutcome outcome) => new(
        outcome.Decision is null, outcome.Decision is { } decision ? DecisionDocument.From(decision) : null,
        outcome.Images, outcome.ClosedItems, outcome.ReopenedItems, outcome.OpenItems, outcome.JoinedSplit.Length > 0 ? outcome.JoinedSplit : null,
        [.. outcome.DividedDatasets]);
}

internal sealed record DecisionListDocument(IReadOnlyList<DecisionDocument> Decisions);

internal sealed record DecisionDocument(
    long Id, string Action, IReadOnlyList<string> Diagnoses, string DecidedBy, DateTimeOffset DecidedAt, string Comment, int Images,
    long? Undoes, long? UndoneBy)
{
    public static DecisionDocument From(ReviewDecision decision) => new(
        decision.DecisionId, decision.Action, [.. decision.Diagnoses], decision.DecidedBy, decision.DecidedAt.ToDateTimeOffset(), decision.Comment,
        decision.Images, decision.HasUndoesDecisionId ? decision.UndoesDecisionId : null, decision.HasUndoneByDecisionId ? decision.UndoneByDecisionId : null);
}
