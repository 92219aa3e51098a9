using Melanoma.Gateway.Access;
using Microsoft.AspNetCore.Http;

namespace Melanoma.UnitTests.Gateway;

public sealed class CrossSiteTests
{
    [Theory]
    [InlineData("POST", "same-origin", null, null, false)]
    [InlineData("POST", "same-site", null, null, true)]
    [InlineData("POST", "cross-site", "http://gateway.example:8080", null, true)]
    [InlineData("POST", "none", null, null, true)]
    [InlineData("POST", null, null, null, false)]
    [InlineData("POST", null, "http://gateway.example:8080", null, false)]
    [InlineData("POST", null, "http://gateway.example:8081", null, true)]
    [InlineData("POST", null, "null", null, true)]
    [InlineData("DELETE", null, "http://evil.example", null, true)]
    [InlineData("GET", "cross-site", null, null, false)]
    [InlineData("GET", "same-site", "http://gateway.example:3000", "websocket", true)]
    [InlineData("GET", null, "http://gateway.example:3000", "WebSocket", true)]
    [InlineData("GET", "same-origin", "http://gateway.example:8080", "websocket", false)]
    public void Should_tell_whether_another_origin_asked_when_a_cookie_came_along(string method, string? site, string? origin, string? upgrade, bool expected)
    {
        var request = new DefaultHttpContext { Request = { Method = method, Host = new HostString("gateway.example", 8080) } }.Request;
        if (site is not null)
            request.Headers["Sec-Fetch-Site"] = site;
        if (origin is not null)
            request.Headers.Origin = origin;
        if (upgrade is not null)
            request.Headers.Upgrade = upgrade;

        Assert.Equal(expected, CrossSite.IsForged(request));
    }
}
