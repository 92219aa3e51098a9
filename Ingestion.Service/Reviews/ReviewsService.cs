using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Callers;

namespace Melanoma.Ingestion.Reviews;

/// <summary>The gRPC service Reviews.</summary>
internal sealed class ReviewsService(ReviewQueue queue, ReviewDecisions decisions, ReviewHistory history) : Contracts.V1.Reviews.ReviewsBase
{
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 1000;

    public override Task<ListReviewItemsResponse> ListReviewItems(ListReviewItemsRequest request, ServerCallContext context)
    {
        var count = WireText.ParsePageSize(request.PageSize, DefaultPageSize, MaxPageSize);
        QueuePlace? after = null;
        if (request.PageToken.Length > 0 && !QueuePlace.TryParse(request.PageToken, out after))
            Throw(StatusCode.InvalidArgument, "page_token is not understood. Take next_page_token of the last answer, or leave it out for the first page.");
        return queue.ListAsync(KindOf(request.Kind), StateOf(request.State), after, count, context.CancellationToken);
    }

    public override async Task<ReviewItem> GetNextReviewItem(GetNextReviewItemRequest request, ServerCallContext context)
    {
        var kind = KindOf(request.Kind);
        if (await queue.FindNextAsync(kind, context.CancellationToken) is { } item)
            return item;
        Throw(StatusCode.NotFound, kind is null ? "There is nothing to review." : "There is nothing of this kind to review.");
        return null;
    }

    public override Task<ReviewOutcome> SettleImages(SettleImagesRequest request, ServerCallContext context) => decisions.SettleAsync(
        ImageSelectionQuery.Parse(request.Selection), WireText.ParseDiagnoses(request.Diagnoses, "diagnoses"),
        context.GetCaller().Name, WireText.ParseComment(request.Comment), request.Preview, context.CancellationToken);

    public override Task<ReviewOutcome> ExcludeImages(ExcludeImagesRequest request, ServerCallContext context) => decisions.ExcludeAsync(
        ImageSelectionQuery.Parse(request.Selection),
        context.GetCaller().Name, WireText.ParseComment(request.Comment), request.Preview, context.CancellationToken);

    public override Task<ReviewOutcome> DeferReviewItems(DeferReviewItemsRequest request, ServerCallContext context)
    {
        if (request.ItemIds.Count is 0 or > ImageSelectionQuery.MaxImages)
            Throw(StatusCode.InvalidArgument, $"item_ids has {request.ItemIds.Count} ids; name 1 to {ImageSelectionQuery.MaxImages} items of ListReviewItems.");
        return decisions.DeferAsync(
            ImageSelectionQuery.ParseItems(request.ItemIds), context.GetCaller().Name, WireText.ParseComment(request.Comment), context.CancellationToken);
    }

    public override Task<ReviewOutcome> ConfirmLesionViews(ConfirmLesionViewsRequest request, ServerCallContext context) => decisions.ConfirmAsync(
        ParseItem(request.ItemId), context.GetCaller().Name, WireText.ParseComment(request.Comment), request.Preview, context.CancellationToken);

    public override Task<ReviewOutcome> RejectLesionViews(RejectLesionViewsRequest request, ServerCallContext context) => decisions.RejectAsync(
        ParseItem(request.ItemId), context.GetCaller().Name, WireText.ParseComment(request.Comment), context.CancellationToken);

    public override Task<ReviewOutcome> UndoDecision(UndoDecisionRequest request, ServerCallContext context) =>
        decisions.UndoAsync(request.DecisionId, context.GetCaller().Name, WireText.ParseComment(request.Comment), context.CancellationToken);

    public override async Task<ListDecisionsResponse> ListDecisions(ListDecisionsRequest request, ServerCallContext context)
    {
        var count = WireText.ParsePageSize(request.PageSize, DefaultPageSize, MaxPageSize);
        Guid? image = request.HasImageId ? WireText.ParseId(request.ImageId, "image_id", "ListImages gives the ids") : null;
        long? before = request.HasBeforeDecisionId ? request.BeforeDecisionId : null;
        return new ListDecisionsResponse { Decisions = { await history.ListAsync(count, image, before, context.CancellationToken) } };
    }

    private static Guid ParseItem(string id) => WireText.ParseId(id, "item_id", "ListReviewItems gives the ids");

    private static Storage.Reviews.ReviewKind? KindOf(ReviewKind kind)
    {
        switch (kind)
        {
            case ReviewKind.Unspecified:
                return null;
            case ReviewKind.Conflict:
                return Storage.Reviews.ReviewKind.Conflict;
            case ReviewKind.LabelError:
                return Storage.Reviews.ReviewKind.LabelError;
            case ReviewKind.LesionViews:
                return Storage.Reviews.ReviewKind.LesionViews;
            case ReviewKind.Feedback:
                return Storage.Reviews.ReviewKind.Feedback;
            default:
                Throw(StatusCode.InvalidArgument, "kind is not known; choose REVIEW_KIND_CONFLICT, _FEEDBACK, _LABEL_ERROR or _LESION_VIEWS, or leave it out for all.");
                return null;
        }
    }

    private static Storage.Reviews.ReviewState? StateOf(ReviewState state)
    {
        switch (state)
        {
            case ReviewState.Unspecified:
                return null;
            case ReviewState.Open:
                return Storage.Reviews.ReviewState.Open;
            case ReviewState.Deferred:
                return Storage.Reviews.ReviewState.Deferred;
            case ReviewState.Closed:
                return Storage.Reviews.ReviewState.Closed;
            default:
                Throw(StatusCode.InvalidArgument, "state is not known; choose REVIEW_STATE_OPEN, _DEFERRED or _CLOSED, or leave it out for those that wait.");
                return null;
        }
    }

    [DoesNotReturn]
    private static void Throw(StatusCode code, string detail) => throw new RpcException(new Status(code, detail));
}
