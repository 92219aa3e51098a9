using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>Bearer tokens of an identity provider that the test plays.</summary>
public sealed class BearerTokenTests(TestServers servers) : IAsyncLifetime
{
    private const string Audience = "melanoma";

    private readonly RSA _rsa = RSA.Create(2048);
    private readonly RSA _stranger = RSA.Create(2048);
    private WebApplication _issuer = null!;
    private FakeBackend _backend = null!;
    private ServiceProcess _gateway = null!;
    private string _authority = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _authority = $"http://127.0.0.1:{FreePort.Next()}";
        var builder = WebApplication.CreateSlimBuilder();
        // The settings of the services under test lie in the same folder.
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        var port = new Uri(_authority).Port;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        _issuer = builder.Build();
        var key = JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(_rsa.ExportParameters(includePrivateParameters: false)) { KeyId = "k1" });
        _issuer.MapGet("/.well-known/openid-configuration", () => Results.Json(new { issuer = _authority, jwks_uri = $"{_authority}/keys" }));
        _issuer.MapGet("/keys", () => Results.Json(new { keys = new[] { new { kty = key.Kty, kid = key.Kid, n = key.N, e = key.E, use = "sig" } } }));
        await _issuer.StartAsync(Cancellation);
        _backend = await FakeBackend.StartAsync(Cancellation);
        _gateway = ServiceProcess.Start("Gateway", new Dictionary<string, string?>
        {
            ["ConnectionStrings__melanoma"] = await servers.CreateMigratedDatabaseAsync(Cancellation),
            ["services__inference__http__0"] = _backend.Http.OriginalString,
            ["services__inference__grpc__0"] = _backend.Grpc.OriginalString,
            ["Access__Bearer__Authority"] = _authority,
            ["Access__Bearer__AllowHttp"] = "true",
            ["Access__WrongCredentialsPerMinute"] = "1000",
        });
        await _gateway.WaitUntilReadyAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_gateway is not null)
            await _gateway.DisposeAsync();
        if (_backend is not null)
            await _backend.DisposeAsync();
        await _issuer.DisposeAsync();
        _rsa.Dispose();
        _stranger.Dispose();
    }

    [Fact]
    public async Task Should_let_in_whom_the_provider_vouches_for_and_nobody_else()
    {
        var good = Token(_rsa);
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(_gateway.Grpc);
        var answer = await new Classifier.ClassifierClient(channel.CreateCallInvoker().With("authorization", "Bearer " + good)).ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation);
        Assert.Contains("x-melanoma-caller: jwt:dr-house of princeton (classify)", answer.Diagnosis, StringComparison.Ordinal);
        Assert.DoesNotContain(good, answer.Diagnosis, StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(good));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(Token(_rsa, roles: ["read", "unheard-of"])));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(Token(_rsa, roles: ["data"]), "/v1/predictions/x"));
        (string Why, string Token)[] bad =
        [
            ("signed by another", Token(_stranger)),
            ("for another audience", Token(_rsa, audience: "another")),
            ("of another issuer", Token(_rsa, issuer: "http://127.0.0.1:1")),
            ("too old", Token(_rsa, expires: DateTime.UtcNow.AddMinutes(-5))),
            ("not yet good", Token(_rsa, from: DateTime.UtcNow.AddMinutes(5))),
            ("without a tenant", Token(_rsa, tenant: null)),
            ("with a tenant that cannot be", Token(_rsa, tenant: "line\nbreak")),
            ("unsigned", Unsigned(good)),
            ("signed with the public key as if it were a secret", Confused()),
            ("changed", Changed(good)),
            ("not one", "nonsense"),
        ];
        foreach (var (why, token) in bad)
            Assert.True(await StatusAsync(token) == HttpStatusCode.Unauthorized, $"A token that is {why} was let in.");
    }

    private async Task<HttpStatusCode> StatusAsync(string token, string path = "/v1/models")
    {
        using var client = new HttpClient { BaseAddress = _gateway.Http, DefaultRequestHeaders = { { "Authorization", "Bearer " + token } } };
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
        return response.StatusCode;
    }

    private string Token(
        RSA rsa, string? issuer = null, string audience = Audience, DateTime? from = null, DateTime? expires = null, string? tenant = "princeton", string[]? roles = null) =>
        new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer ?? _authority,
            Audience = audience,
            NotBefore = from ?? DateTime.UtcNow.AddMinutes(-10),
            Expires = expires ?? DateTime.UtcNow.AddMinutes(10),
            Subject = new ClaimsIdentity([new Claim("sub", "dr-house"), .. tenant is null ? Array.Empty<Claim>() : [new Claim("tenant", tenant)], .. (roles ?? ["classify"]).Select(role => new Claim("roles", role))]),
            SigningCredentials = new SigningCredentials(new RsaSecurityKey(rsa) { KeyId = "k1" }, SecurityAlgorithms.RsaSha256),
        });

    private static string Unsigned(string token) => $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}.{token.Split('.')[1]}.";

    // RFC 8725, 2.1: whoever takes the algorithm from the token can be made to take the public key for a shared secret.
    private string Confused() => new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
    {
        Issuer = _authority,
        Audience = Audience,
        Expires = DateTime.UtcNow.AddMinutes(10),
        Subject = new ClaimsIdentity([new Claim("sub", "dr-house"), new Claim("tenant", "princeton"), new Claim("roles", "classify")]),
        SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(Encoding.ASCII.GetBytes(_rsa.ExportSubjectPublicKeyInfoPem())) { KeyId = "k1" }, SecurityAlgorithms.HmacSha256),
    });

    private static string Changed(string token)
    {
        var parts = token.Split('.');
        var payload = Base64UrlEncoder.Decode(parts[1]).Replace("classify", "ops", StringComparison.Ordinal);
        return $"{parts[0]}.{Base64UrlEncoder.Encode(payload)}.{parts[2]}";
    }
}
