using System.Globalization;
using Grpc.Core;
using Melanoma.Imaging;

namespace Melanoma.Inference;

/// <summary>What callers are told when they get no answer: the status, and a sentence that says what to do.</summary>
internal static class Refusal
{
    /// <summary>Trailer with the milliseconds after which a refused call is worth repeating: the one that the retry policies of gRPC clients keep to by themselves (gRFC A6).</summary>
    public const string RetryPushbackTrailer = "grpc-retry-pushback-ms";

    /// <summary>The name that the trailer had before; clients of before look for it.</summary>
    private const string TrailerOfBefore = "retry-after-ms";

    public static RpcException Of(StatusCode status, string message) => new(new Status(status, message));

    public static RpcException Image(ImageRefusal refusal) => Of(StatusCode.InvalidArgument, refusal.Message);

    public static RpcException NoProduction() =>
        Of(StatusCode.FailedPrecondition, "No model is in production yet: train one and promote it, or pin a version with model_version.");

    public static RpcException UnknownVersion(int version) =>
        Of(StatusCode.NotFound, string.Create(CultureInfo.InvariantCulture, $"There is no model version {version}; ListModels names those there are."));

    /// <summary>Refused for load.</summary>
    /// <param name="retryAfter">When it is worth trying again.</param>
    /// <param name="message">What there is too much of.</param>
    public static RpcException Busy(TimeSpan retryAfter, string message = "Too many images are waiting at the moment; try again a little later.")
    {
        var milliseconds = Math.Ceiling(retryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        var trailers = new Metadata { { RetryPushbackTrailer, milliseconds }, { TrailerOfBefore, milliseconds } };
        return new RpcException(new Status(StatusCode.ResourceExhausted, message), trailers);
    }

    /// <summary>After how many milliseconds the call is worth repeating; null when the refusal does not say.</summary>
    public static int? RetryPushbackMs(RpcException refusal) =>
        int.TryParse(refusal.Trailers.GetValue(RetryPushbackTrailer), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) ? milliseconds : null;

    /// <summary>Reads a model version as it stands in requests: a number from 1.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the text is no version.</exception>
    public static int ParseVersion(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0
            ? version
            : throw Of(StatusCode.InvalidArgument, "The model version is not a number from 1, for example \"3\"; ListModels names those there are.");
}
