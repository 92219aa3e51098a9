using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Mvc;

namespace Melanoma.Gateway.Refusals;

/// <summary>Answers with a refusal in the caller's own protocol: a gRPC status, a page for people, problem details for programs.</summary>
internal static class RefusalWriter
{
    public static async Task RefuseAsync(this HttpContext context, Refusal refusal)
    {
        context.Response.Clear();
        if (context.Request.IsGrpc() && !ReferenceEquals(refusal, Refusal.NeedsHttp2))
        {
            // A response that is headers alone is what gRPC calls "trailers-only": clients read the status from it.
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = ((int)refusal.Grpc).ToString(CultureInfo.InvariantCulture);
            context.Response.Headers["grpc-message"] = PercentEncode(refusal.Sentence);
            // The retry policies of gRPC clients keep to it by themselves (gRFC A6).
            if (refusal.RetryAfter is { } pause)
                context.Response.Headers["grpc-retry-pushback-ms"] = Math.Ceiling(pause.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
            return;
        }

        context.Response.StatusCode = refusal.Http;
        context.Response.Headers.CacheControl = "no-store";
        if (refusal.Http == StatusCodes.Status401Unauthorized)
            context.Response.Headers.WWWAuthenticate = "ApiKey realm=\"melanoma\", Bearer realm=\"melanoma\"";
        if (refusal.RetryAfter is { } delay)
            context.Response.Headers.RetryAfter = Math.Ceiling(delay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        if (context.Request.IsNavigation())
        {
            await PlainPage.WriteAsync(context, refusal);
            return;
        }

        var details = new ProblemDetails { Status = refusal.Http, Title = refusal.Title, Detail = refusal.Sentence };
        await context.Response.WriteAsJsonAsync(details, options: null, contentType: "application/problem+json", context.RequestAborted);
    }

    public static bool IsGrpc(this HttpRequest request) => request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Whether a person looks at the answer.</summary>
    public static bool IsNavigation(this HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        && !request.Path.StartsWithSegments("/v1", StringComparison.Ordinal)
        && request.GetTypedHeaders().Accept.Any(type => type.MediaType == "text/html");

    private static string PercentEncode(string sentence)
    {
        var encoded = new StringBuilder(sentence.Length);
        foreach (var octet in Encoding.UTF8.GetBytes(sentence))
        {
            if (octet is >= 0x20 and <= 0x7E and not (byte)'%')
                encoded.Append((char)octet);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
        }

        return encoded.ToString();
    }
}
