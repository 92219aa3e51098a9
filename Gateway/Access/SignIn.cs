using Melanoma.Gateway.Refusals;

namespace Melanoma.Gateway.Access;

/// <summary>How a browser gets in and out.</summary>
internal static partial class SignIn
{
    public const string Path = "/sign-in";

    public static void MapSignIn(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(Path, BeginAsync).AllowAnonymous();
        endpoints.MapPost("/sign-out", EndAsync);
    }

    private static async Task BeginAsync(HttpContext context, BrowserSessions sessions, WrongCredentials wrong, ILogger<BrowserSessions> logger)
    {
        if (!wrong.MayTry(context, secret: null))
        {
            await context.RefuseAsync(wrong.RefusalFor(context)!);
            return;
        }

        // A browser that only looks ahead must not use the link up.
        var peeking = context.Request.Headers["Sec-Purpose"].ToString().Contains("prefetch", StringComparison.OrdinalIgnoreCase);
        string? ticket = context.Request.Query["token"];
        if (peeking || await sessions.BeginAsync(ticket, context.RequestAborted) is not { } session)
        {
            if (!peeking && !string.IsNullOrEmpty(ticket))
                wrong.Note(context);
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await PlainPage.WriteSignInAsync(context, string.IsNullOrEmpty(ticket) ? "You need a sign-in link." : "This sign-in link has been used already, or is too old.");
            return;
        }

        LogSignedIn(logger, session.KeyName);
        SessionCookie.Set(context, session.Token, session.ExpiresAt);
        await PlainPage.WriteSignedInAsync(context);
    }

    private static async Task EndAsync(HttpContext context, BrowserSessions sessions, CredentialDirectory credentials, OpenCalls calls)
    {
        if (Secret.HashOf(context.Request.Cookies[SessionCookie.Name], Secret.SessionPrefix) is { } hash)
        {
            calls.Spare(context);
            await sessions.EndAsync(hash, context.RequestAborted);
            credentials.Forget();
        }

        SessionCookie.Delete(context);
        await PlainPage.WriteSignInAsync(context, "You have signed out.");
    }

    [LoggerMessage(1, LogLevel.Information, "A browser signed in with the API key {KeyName}")]
    private static partial void LogSignedIn(ILogger logger, string keyName);
}
