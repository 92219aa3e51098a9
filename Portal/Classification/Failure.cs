using Grpc.Core;

namespace Melanoma.Portal.Classification;

/// <summary>What went wrong, for people.</summary>
/// <param name="Title">A few words.</param>
/// <param name="Advice">What to do about it.</param>
/// <param name="CanRetry">Whether the same picture may succeed later.</param>
internal sealed record Failure(string Title, string Advice, bool CanRetry)
{
    public static Failure Empty { get; } = new("The file is empty", "Choose another picture.", CanRetry: false);

    public static Failure TooLarge { get; } = new("The picture is too large", "It may have at most 20 MB. Save it in a smaller size and choose it again.", CanRetry: false);

    public static Failure UploadLost { get; } = new("The upload was interrupted", "Choose the picture again.", CanRetry: false);

    public static Failure Of(RpcException refusal) => refusal.StatusCode switch
    {
        StatusCode.InvalidArgument => new("The picture cannot be judged", Sentence(refusal, "Choose another picture."), CanRetry: false),
        StatusCode.FailedPrecondition => new(
            "There is no model yet",
            "Train one with \"./melanoma train --recipe quick\", or promote a trained version with \"./melanoma models promote VERSION\". Then try again.",
            CanRetry: true),
        StatusCode.ResourceExhausted => new("The service is busy", Sentence(refusal, "Try again in a moment."), CanRetry: true),
        StatusCode.Unavailable => new("The service cannot be reached", Sentence(refusal, "Try again in a moment."), CanRetry: true),
        StatusCode.DeadlineExceeded => new("The service took too long", "Try again in a moment.", CanRetry: true),
        StatusCode.Unauthenticated => new("Your session has ended", "Sign in again with a new link, then choose the picture again.", CanRetry: false),
        StatusCode.PermissionDenied => new("You may not classify pictures", "Ask whoever runs this installation for a key that may.", CanRetry: false),
        _ => new("Something went wrong", "The service's log has the details. Try again, and tell whoever runs this installation if it stays so.", CanRetry: true),
    };

    // A refusal by the client library itself carries the network's words, which help nobody here.
    private static string Sentence(RpcException refusal, string otherwise) =>
        refusal.Status.DebugException is null && !string.IsNullOrWhiteSpace(refusal.Status.Detail) ? refusal.Status.Detail : otherwise;
}
