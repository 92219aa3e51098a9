using System.Net;
using System.Net.Http.Json;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

public sealed class SignInTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_give_a_strict_cookie_once_when_a_link_is_used_twice()
    {
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system");
        using var browser = gateway.Browse(key: null);

        using var first = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);
        using var second = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        var cookie = Assert.Single(first.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.Unauthorized, second.StatusCode);
        Assert.False(second.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Should_let_one_browser_in_when_many_use_a_link_at_once()
    {
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system");
        using var browser = gateway.Browse(key: null);

        var statuses = await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            using var response = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);
            return response.StatusCode;
        }));

        Assert.Single(statuses, HttpStatusCode.OK);
    }

    [Fact]
    public async Task Should_leave_the_link_good_when_a_browser_only_looks_ahead()
    {
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system");
        using var browser = gateway.Browse(key: null);
        using var ahead = new HttpRequestMessage(HttpMethod.Get, $"/sign-in?token={ticket}");
        ahead.Headers.Add("Sec-Purpose", "prefetch;prerender");
        (await browser.SendAsync(ahead, Cancellation)).Dispose();

        using var response = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Should_pass_the_cookie_on_to_the_portal_alone_when_a_session_calls()
    {
        var session = await SignInAsync();
        using var browser = gateway.Browse(key: null);
        browser.DefaultRequestHeaders.Add("Cookie", session);

        var page = await browser.GetStringAsync(new Uri("/somewhere", UriKind.Relative), Cancellation);
        var json = await browser.GetStringAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
        var grpc = await new Classifier.ClassifierClient(gateway.Connect(key: null).With("cookie", session))
            .ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation);

        Assert.Contains(session, page, StringComparison.Ordinal);
        Assert.DoesNotContain("ms_", json + grpc.Diagnosis, StringComparison.Ordinal);
        Assert.All([page, json, grpc.Diagnosis], seen => Assert.Contains("x-melanoma-caller: clinic-system", seen, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "null", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-origin", HttpStatusCode.OK)]
    public async Task Should_judge_by_the_calling_page_when_a_session_changes_something(string header, string value, HttpStatusCode expected)
    {
        using var browser = gateway.Browse(key: null);
        browser.DefaultRequestHeaders.Add("Cookie", await SignInAsync());
        browser.DefaultRequestHeaders.TryAddWithoutValidation(header, value);
        using var response = await browser.PostAsJsonAsync(new Uri("/v1/runs", UriKind.Relative), new { recipe = "quick" }, Cancellation);

        Assert.Equal(expected, response.StatusCode);
    }

    [Fact]
    public async Task Should_end_the_session_at_once_when_it_signs_out()
    {
        using var browser = gateway.Browse(key: null);
        browser.DefaultRequestHeaders.Add("Cookie", await SignInAsync());
        (await browser.GetAsync(new Uri("/", UriKind.Relative), Cancellation)).EnsureSuccessStatusCode().Dispose();
        (await browser.PostAsync(new Uri("/sign-out", UriKind.Relative), content: null, Cancellation)).EnsureSuccessStatusCode().Dispose();

        using var response = await browser.GetAsync(new Uri("/", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Should_refuse_a_ticket_as_key_and_a_key_as_session_when_credentials_are_mixed_up()
    {
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system");
        using var asKey = gateway.Browse(ticket);
        using var asSession = gateway.Browse(key: null);
        asSession.DefaultRequestHeaders.Add("Cookie", $"melanoma-session={gateway.Key}");

        Assert.Equal(HttpStatusCode.Unauthorized, (await asKey.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await asSession.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Should_say_that_the_name_is_taken_when_a_key_is_made_twice()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => gateway.CommandAsync("keys", "create", "--name", "clinic-system", "--tenant", "other"));

        Assert.Contains("ended with 1", failure.Message, StringComparison.Ordinal);
        Assert.Contains("There is an API key named 'clinic-system' already", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_that_there_is_no_such_key_when_a_ticket_is_asked_for_it()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => gateway.CommandAsync("sign-in", "create", "--key-name", "nobody"));

        Assert.Contains("There is no API key named 'nobody'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_write_no_secret_into_the_log_when_everything_is_logged()
    {
        var environment = new Dictionary<string, string?>(gateway.Environment)
        {
            ["Logging__LogLevel__Default"] = "Trace",
            ["Logging__LogLevel__Microsoft.AspNetCore"] = "Debug",
            ["Logging__LogLevel__Yarp"] = "Trace",
        };
        await using var talkative = ServiceProcess.Start("Gateway", environment);
        await talkative.WaitUntilReadyAsync(Cancellation);
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system");
        using var browser = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = talkative.Http };
        var session = await SignInAsync(browser, ticket);
        browser.DefaultRequestHeaders.Add("Cookie", session);
        await browser.GetStringAsync(new Uri("/page", UriKind.Relative), Cancellation);
        browser.DefaultRequestHeaders.Add("x-api-key", gateway.Key);
        await browser.GetStringAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);

        await talkative.StopAsync(Cancellation);

        Assert.NotEmpty(talkative.Log);
        Assert.DoesNotContain(ticket, talkative.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(session.Split('=')[1], talkative.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(gateway.Key, talkative.Log, StringComparison.Ordinal);
    }

    private async Task<string> SignInAsync()
    {
        using var browser = gateway.Browse(key: null);
        return await SignInAsync(browser, await gateway.CommandAsync("sign-in", "create", "--key-name", "clinic-system"));
    }

    private static async Task<string> SignInAsync(HttpClient browser, string ticket)
    {
        using var response = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);
        return response.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }
}
