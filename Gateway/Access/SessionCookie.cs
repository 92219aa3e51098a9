namespace Melanoma.Gateway.Access;

/// <summary>The cookie that identifies a signed-in browser.</summary>
internal static class SessionCookie
{
    public const string Name = "melanoma-session";

    public static void Set(HttpContext context, string session, DateTimeOffset expiresAt) => context.Response.Cookies.Append(Name, session, Options(context, expiresAt));

    public static void Delete(HttpContext context) => context.Response.Cookies.Delete(Name, Options(context, expiresAt: null));

    private static CookieOptions Options(HttpContext context, DateTimeOffset? expiresAt) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = context.Request.IsHttps,
        Path = "/",
        Expires = expiresAt,
        IsEssential = true,
    };
}
