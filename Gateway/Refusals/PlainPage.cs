using System.Text.Encodings.Web;

namespace Melanoma.Gateway.Refusals;

/// <summary>The few pages that the Gateway shows itself, without script and without anything fetched.</summary>
internal static class PlainPage
{
    /// <summary>What a page of the Gateway's own may do: show itself, and nothing else.</summary>
    public const string ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static Task WriteAsync(HttpContext context, Refusal refusal) => refusal.Http == StatusCodes.Status401Unauthorized
        ? WriteSignInAsync(context, "You are not signed in, or your session has ended.")
        : WriteAsync(context, refusal.Title, $"<p>{HtmlEncoder.Default.Encode(refusal.Sentence)}</p><p><a href=\"\">Try again</a></p>");

    /// <summary>Says how to get a sign-in link.</summary>
    public static Task WriteSignInAsync(HttpContext context, string reason)
    {
        // A strict cookie stays away when another site links here; loading the page once more from here brings it along.
        var again = context.Request.Headers["Sec-Fetch-Site"] == "cross-site" && HttpMethods.IsGet(context.Request.Method) && context.Request.Path != "/sign-in"
            ? "<meta http-equiv=\"refresh\" content=\"0\">"
            : "";
        return WriteAsync(
            context,
            "Sign in",
            $"""
            <p>{HtmlEncoder.Default.Encode(reason)}</p>
            <p>Signing in takes a link that works once, for ten minutes:</p>
            <ul>
            <li>On your own machine, <code>./melanoma up</code> prints one.</li>
            <li>Elsewhere, ask whoever runs this installation. They make one for the name of your API key with
            <code>Gateway sign-in create --key-name NAME</code>.</li>
            </ul>
            """,
            again);
    }

    /// <summary>Goes on to the Portal by a navigation of this page's own, because a redirect that another site began would leave the new cookie behind.</summary>
    public static Task WriteSignedInAsync(HttpContext context) => WriteAsync(
        context, "Signed in", "<p><a href=\"/\">Go on to the Portal</a></p>", "<meta http-equiv=\"refresh\" content=\"0;url=/\">");

    private static Task WriteAsync(HttpContext context, string title, string body, string head = "")
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        return context.Response.WriteAsync(
            $$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            {{head}}
            <title>{{HtmlEncoder.Default.Encode(title)}} - Melanoma</title>
            <style>
            :root { color-scheme: light dark; }
            body { font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem; }
            h1 { font-size: 1.75rem; line-height: 1.2; }
            code { overflow-wrap: anywhere; }
            footer { margin-top: 3rem; font-size: .875rem; opacity: .75; }
            </style>
            </head>
            <body>
            <main>
            <h1>{{HtmlEncoder.Default.Encode(title)}}</h1>
            {{body}}
            </main>
            <footer>Melanoma. For research, not a medical device.</footer>
            </body>
            </html>
            """,
            context.RequestAborted);
    }
}
