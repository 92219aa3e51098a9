using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Melanoma.ServiceDefaults.Grpc;

/// <summary>
/// Bytes that are no message of the proto are the caller's mistake. The gRPC server reads the message of a simple call before any interceptor sees it and calls
/// whatever fails there UNKNOWN, which nothing else in this product is: see <see cref="ExceptionInterceptor"/>.
/// </summary>
/// <param name="next">What answers the call.</param>
public sealed class UnreadableMessages(RequestDelegate next)
{
    private const string StatusHeader = "grpc-status";
    private const string MessageHeader = "grpc-message";

    private static readonly string Unknown = Number(StatusCode.Unknown);

    /// <summary>Lets the call be answered, and says what was wrong with it.</summary>
    /// <param name="context">The call.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        await next(context);

        // A call that failed so early has no answer, and its status stands in the headers.
        var headers = context.Response.Headers;
        if (!context.Response.HasStarted && headers[StatusHeader] == Unknown)
        {
            var refusal = ExceptionInterceptor.Unreadable();
            headers[StatusHeader] = Number(refusal.StatusCode);
            headers[MessageHeader] = refusal.Status.Detail;
        }
    }

    private static string Number(StatusCode status) => ((int)status).ToString(CultureInfo.InvariantCulture);
}
