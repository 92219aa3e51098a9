using System.Text.RegularExpressions;
using Grpc.Core;

namespace Melanoma.Cli.Connection;

/// <summary>What a status of the Gateway means for the person at the terminal.</summary>
internal static partial class GatewayFailure
{
    /// <summary>One sentence or two: what happened, and what to do.</summary>
    public static string Explain(RpcException failure) => failure.StatusCode switch
    {
        StatusCode.Unauthenticated =>
            "The Gateway does not accept this API key: set MELANOMA_API_KEY to a valid one, or run `./melanoma up`, which writes one into the state folder.",
        StatusCode.PermissionDenied => $"The API key may not do this. {failure.Status.Detail}",
        StatusCode.Unavailable => $"The Gateway or a service behind it does not answer: `./melanoma status` shows what runs, `./melanoma up` starts it. ({failure.Status.Detail})",
        StatusCode.DeadlineExceeded => "The answer did not come in time; try again.",
        StatusCode.Unimplemented => "The Gateway does not know this call: it is of another version than this command, or the address is not its gRPC port.",
        StatusCode.Internal when failure.Status.DebugException is HttpRequestException =>
            "What listens at this address does not speak gRPC: use the Gateway's gRPC address, which `./melanoma up` prints.",
        _ => string.IsNullOrWhiteSpace(failure.Status.Detail) ? $"The call failed with {Name(failure.StatusCode)}." : failure.Status.Detail,
    };

    /// <summary>The name of a status as gRPC spells it, for example <c>INVALID_ARGUMENT</c>.</summary>
    public static string Name(StatusCode status) =>
        status == StatusCode.OK ? "OK" : WordStart().Replace(status.ToString(), "_").ToUpperInvariant();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex WordStart();
}
