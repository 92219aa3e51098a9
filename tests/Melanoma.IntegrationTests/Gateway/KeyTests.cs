using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>The life of an API key, at two Gateways.</summary>
public sealed class KeyTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Keys.KeysClient Keys => new(gateway.Connect(gateway.Key));

    [Fact]
    public async Task Should_show_a_key_once_and_then_only_what_is_kept_of_it_when_it_is_made_and_used()
    {
        var created = await Keys.CreateKeyAsync(
            new CreateKeyRequest { Name = "ward-1", Tenant = "st-mary", Roles = { "classify", "read" }, Limits = new KeyLimits { RequestsPerSecond = 5 } }, cancellationToken: Cancellation);
        Assert.True(await IsGoodAsync(gateway.Gateway.Http, created.Secret));

        Key listed;
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        do
        {
            await tick.WaitForNextTickAsync(Cancellation);
            listed = (await Keys.ListKeysAsync(new ListKeysRequest(), cancellationToken: Cancellation)).Keys.Single(key => key.Name == "ward-1");
        }
        while (listed.LastUsedAt is null);

        Assert.StartsWith("mk_", created.Secret, StringComparison.Ordinal);
        Assert.Equal(("st-mary", "classify read", 5, 1L), (listed.Tenant, string.Join(' ', listed.Roles), listed.Limits.RequestsPerSecond, listed.CallsToday));
        Assert.DoesNotContain(created.Secret, listed.ToString(), StringComparison.Ordinal);
        await using var database = NpgsqlDataSource.Create(gateway.Environment["ConnectionStrings__melanoma"]!);
        await using var found = database.CreateCommand("SELECT count(*) FROM api_keys AS k WHERE k::text LIKE '%' || $1 || '%'");
        found.Parameters.Add(new NpgsqlParameter { Value = created.Secret });
        Assert.Equal(0L, await found.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public async Task Should_take_both_texts_during_the_overlap_and_one_without_when_a_key_is_rotated()
    {
        var first = (await CreateAsync("ward-2")).Secret;
        var second = (await Keys.RotateKeyAsync(new RotateKeyRequest { Name = "ward-2", OverlapSeconds = 3600 }, cancellationToken: Cancellation)).Secret;

        Assert.True(await IsGoodAsync(gateway.Gateway.Http, first));
        Assert.True(await IsGoodAsync(gateway.Gateway.Http, second));

        var third = (await Keys.RotateKeyAsync(new RotateKeyRequest { Name = "ward-2" }, cancellationToken: Cancellation)).Secret;
        await UntilRefusedAsync(gateway.Gateway.Http, first);
        await UntilRefusedAsync(gateway.Gateway.Http, second);
        Assert.True(await IsGoodAsync(gateway.Gateway.Http, third));
    }

    [Fact]
    public async Task Should_end_at_every_Gateway_at_once_and_with_its_sessions_when_a_key_is_revoked()
    {
        await using var other = ServiceProcess.Start("Gateway", gateway.Environment);
        await other.WaitUntilReadyAsync(Cancellation);
        var key = (await CreateAsync("ward-3")).Secret;
        var ticket = await gateway.CommandAsync("sign-in", "create", "--key-name", "ward-3");
        using var browser = gateway.Browse(key: null);
        using var signedIn = await browser.GetAsync(new Uri($"/sign-in?token={ticket}", UriKind.Relative), Cancellation);
        browser.DefaultRequestHeaders.Add("Cookie", signedIn.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode);
        Assert.True(await IsGoodAsync(other.Http, key));

        using var watch = new TrainingRuns.TrainingRunsClient(gateway.Connect(key)).WatchRun(new GetRunRequest { RunId = "r" }, cancellationToken: Cancellation);
        Assert.True(await watch.ResponseStream.MoveNext(Cancellation));

        var revoked = await Keys.RevokeKeyAsync(new RevokeKeyRequest { Name = "ward-3" }, cancellationToken: Cancellation);

        // What was open under it ends too.
        await Assert.ThrowsAsync<RpcException>(() => watch.ResponseStream.MoveNext(Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation));

        Assert.NotNull(revoked.RevokedAt);
        await UntilRefusedAsync(other.Http, key);
        await UntilRefusedAsync(gateway.Gateway.Http, key);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation)).StatusCode);
        Assert.Equal(
            StatusCode.NotFound,
            (await Assert.ThrowsAsync<RpcException>(async () => await Keys.RotateKeyAsync(new RotateKeyRequest { Name = "ward-3" }, cancellationToken: Cancellation))).StatusCode);
    }

    [Fact]
    public async Task Should_end_by_itself_when_a_key_has_expired()
    {
        var key = (await CreateAsync("ward-4", DateTime.UtcNow.AddSeconds(3))).Secret;
        Assert.True(await IsGoodAsync(gateway.Gateway.Http, key));

        await UntilRefusedAsync(gateway.Gateway.Http, key);
    }

    [Theory]
    [InlineData("", "t", "read", "name must have 1 to 200 printable ASCII")]
    [InlineData("jwt:somebody", "t", "read", "begins with jwt:")]
    [InlineData("fresh-1", "line\nbreak", "read", "tenant must have 1 to 200 printable ASCII")]
    [InlineData("fresh-2", "t", "root", "There is no role 'root'")]
    [InlineData("fresh-3", "t", "", "There is no role ''")]
    public async Task Should_say_what_is_wrong_when_a_key_cannot_be(string name, string tenant, string role, string sentence)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
            await Keys.CreateKeyAsync(new CreateKeyRequest { Name = name, Tenant = tenant, Roles = { role } }, cancellationToken: Cancellation));

        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains(sentence, refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_refuse_a_name_that_was_ever_used_when_a_key_is_made()
    {
        await CreateAsync("ward-5");
        await Keys.RevokeKeyAsync(new RevokeKeyRequest { Name = "ward-5" }, cancellationToken: Cancellation);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => CreateAsync("ward-5"));

        Assert.Equal(StatusCode.AlreadyExists, refusal.StatusCode);
    }

    private async Task<CreatedKey> CreateAsync(string name, DateTime? expiresAt = null) => await Keys.CreateKeyAsync(
        new CreateKeyRequest { Name = name, Tenant = "st-mary", Roles = { "read" }, ExpiresAt = expiresAt?.ToTimestamp() }, cancellationToken: Cancellation);

    private static async Task<bool> IsGoodAsync(Uri door, string key)
    {
        using var client = new HttpClient { BaseAddress = door, DefaultRequestHeaders = { { "x-api-key", key } } };
        using var response = await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => true,
            HttpStatusCode.Unauthorized => false,
            var status => throw new InvalidOperationException($"The Gateway answers {status}."),
        };
    }

    // At once is as fast as the database tells the other Gateway; what is remembered without its word lasts five seconds.
    private static async Task UntilRefusedAsync(Uri door, string key)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(4));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await IsGoodAsync(door, key))
            await tick.WaitForNextTickAsync(deadline.Token);
    }
}
