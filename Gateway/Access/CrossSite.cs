namespace Melanoma.Gateway.Access;

/// <summary>
/// Finds requests that a page of another origin made with this browser's cookie. SameSite=Strict keeps other sites out; this keeps out other ports of the
/// same host too, which count as the same site.
/// </summary>
internal static class CrossSite
{
    public static bool IsForged(HttpRequest request)
    {
        var changesNothing = (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            && !string.Equals(request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase);
        if (changesNothing)
            return false;

        // Browsers send Sec-Fetch-Site to trustworthy origins and Origin with everything that may change something; programs that hold the cookie send neither.
        if (request.Headers.TryGetValue("Sec-Fetch-Site", out var site))
            return site != "same-origin";
        return request.Headers.TryGetValue("Origin", out var origin)
            && !(Uri.TryCreate(origin, UriKind.Absolute, out var address) && string.Equals(address.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}
