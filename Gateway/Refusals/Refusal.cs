using Grpc.Core;

namespace Melanoma.Gateway.Refusals;

/// <summary>A call that the Gateway itself turns down, in the terms of each protocol.</summary>
/// <param name="Grpc">Status for gRPC callers.</param>
/// <param name="Http">Status for everybody else.</param>
/// <param name="Title">The same few words for every refusal of this kind.</param>
/// <param name="Sentence">What is wrong and what to do; ASCII.</param>
/// <param name="RetryAfter">When it is worth trying again; null where it is not, or where nobody knows.</param>
internal sealed record Refusal(StatusCode Grpc, int Http, string Title, string Sentence, TimeSpan? RetryAfter = null)
{
    public static Refusal NotSignedIn { get; } = new(
        StatusCode.Unauthenticated, StatusCodes.Status401Unauthorized, "Not signed in",
        "API key or bearer token missing, unknown, expired or revoked: send a good one as x-api-key (HTTP header or gRPC metadata); `melanoma keys create` makes one.");

    public static Refusal CrossSite { get; } = new(
        StatusCode.PermissionDenied, StatusCodes.Status403Forbidden, "Not allowed",
        "Another site's page tried to use this browser's session: call from the Portal itself, or with an API key.");

    public static Refusal UnknownRoute { get; } = new(
        StatusCode.Unimplemented, StatusCodes.Status404NotFound, "Unknown route", "There is no such method under /v1.");

    public static Refusal NeedsHttp2 { get; } = new(
        StatusCode.Internal, StatusCodes.Status426UpgradeRequired, "gRPC needs HTTP/2", "This is a gRPC method: call it over HTTP/2 at the Gateway's gRPC address.");

    public static Refusal DatabaseLost { get; } = new(
        StatusCode.Unavailable, StatusCodes.Status503ServiceUnavailable, "Unavailable", "The database cannot be reached at the moment, so nobody can be let in; try again.");

    public static Refusal Defect { get; } = new(
        StatusCode.Internal, StatusCodes.Status500InternalServerError, "Unexpected failure", "The Gateway failed unexpectedly; its log has the details.");

    public static Refusal MalformedBody { get; } = new(
        StatusCode.InvalidArgument, StatusCodes.Status400BadRequest, "Bad request", "The request's body could not be read to its end.");

    public static Refusal NotAllowed(string roles) => new(
        StatusCode.PermissionDenied, StatusCodes.Status403Forbidden, "Not allowed",
        roles.Length == 0 ? "This caller may not do that." : $"This caller may not do that: it takes the role {roles}.");

    public static Refusal TooManyWrongCredentials(TimeSpan retryAfter) => new(
        StatusCode.ResourceExhausted, StatusCodes.Status429TooManyRequests, "Too many wrong keys",
        "This address has sent too many wrong keys; wait a little, then send a good one.", retryAfter);

    public static Refusal TooManyCalls(string whose, string what, TimeSpan retryAfter) => new(
        StatusCode.ResourceExhausted, StatusCodes.Status429TooManyRequests, "Too many calls", $"{whose} {what}; try again a little later.", retryAfter);

    public static Refusal DayUsedUp(TimeSpan untilTomorrow) => new(
        StatusCode.ResourceExhausted, StatusCodes.Status429TooManyRequests, "Too many bytes",
        "This key, or its tenant, has sent as many bytes today (UTC) as it may; try again tomorrow, or ask for a higher limit.", untilTomorrow);

    public static Refusal ServiceDown(string service) => new(
        StatusCode.Unavailable, StatusCodes.Status503ServiceUnavailable, "Unavailable", $"The {service} service cannot be reached at the moment; try again.");

    public static Refusal ServiceSilent(string service) => new(
        StatusCode.Unavailable, StatusCodes.Status503ServiceUnavailable, "Unavailable", $"The {service} service did not answer in time; try again.");

    public static Refusal BodyTooLarge(long limitBytes) => new(
        StatusCode.ResourceExhausted, StatusCodes.Status413PayloadTooLarge, "Too large",
        $"The request's body is larger than the {limitBytes / (1024 * 1024)} MiB that this route takes" +
        (limitBytes == GatewayLimits.ClassifyBodyBytes ? ": images may have at most 20 MiB." : "."));
}
