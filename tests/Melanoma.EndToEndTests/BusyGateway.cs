using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Melanoma.EndToEndTests;

/// <summary>
/// A server in the Gateway's place, over TLS with a certificate of an authority of its own: whoever asks is told first that it is away, then that it is busy for a second, and then gets an answer.
/// </summary>
public sealed class BusyGateway : IAsyncLifetime
{
    private const int BusyMilliseconds = 1000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("melanoma-busy-");
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Attempt>> _attempts = new();
    private X509Certificate2? _certificate;
    private WebApplication? _app;

    internal Uri Address { get; private set; } = null!;

    internal string Folder => _folder.FullName;

    /// <summary>The certificate of the authority as a PEM file.</summary>
    internal string Authority => Path.Combine(Folder, "authority.pem");

    /// <summary>How often a question was asked, in order.</summary>
    internal IReadOnlyList<Attempt> AttemptsOf(string idempotencyKey) => [.. _attempts.GetValueOrDefault(idempotencyKey) ?? []];

    public async ValueTask InitializeAsync()
    {
        var port = FreePort.Next();
        Address = new Uri($"https://localhost:{port}");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        _certificate = MakeCertificate();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port, listen => listen.UseHttps(_certificate)));
        builder.Services.AddSingleton(this);
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = null);
        _app = builder.Build();
        _app.MapGrpcService<BusyClassifier>();
        _app.MapPost("/v1/classify", ClassifyAsync);
        await _app.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _certificate?.Dispose();
        _folder.Delete(recursive: true);
    }

    private int Count(IHeaderDictionary headers, long bytes)
    {
        var attempts = _attempts.GetOrAdd(headers["idempotency-key"].ToString(), _ => new ConcurrentQueue<Attempt>());
        attempts.Enqueue(new Attempt(Stopwatch.GetTimestamp(), bytes, headers["x-api-key"].ToString()));
        return attempts.Count;
    }

    private async Task ClassifyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        switch (Count(context.Request.Headers, body.Length))
        {
            case 1:
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                break;
            case 2:
                context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                context.Response.Headers.RetryAfter = "1";
                break;
            default:
                context.Response.ContentType = "application/json";
                await context.Response.WriteAsync(new JsonFormatter(JsonFormatter.Settings.Default.WithFormatDefaultValues(true)).Format(Answer()), context.RequestAborted);
                break;
        }
    }

    private static ClassifyResponse Answer() => new()
    {
        Decision = Decision.Refer,
        Diagnosis = "melanoma",
        MelanomaProbability = 0.8125,
        ModelVersion = "7",
        PredictionId = "0190d5a2-0000-7000-8000-000000000001",
        Notice = "For research.",
    };

    private X509Certificate2 MakeCertificate()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (from, to) = (DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        var authorityRequest = new CertificateRequest("CN=Melanoma test authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using var authority = authorityRequest.CreateSelfSigned(from, to);
        File.WriteAllText(Authority, authority.ExportCertificatePem());

        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, from, to, RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>Once that somebody asked.</summary>
    /// <param name="Timestamp">When, by the stopwatch.</param>
    /// <param name="Bytes">Size of the picture that came.</param>
    /// <param name="Key">The API key that came.</param>
    internal sealed record Attempt(long Timestamp, long Bytes, string Key);

    private sealed class BusyClassifier(BusyGateway gateway) : Classifier.ClassifierBase
    {
        public override Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context) => gateway.Count(context.GetHttpContext().Request.Headers, request.Image.Length) switch
        {
            1 => throw new RpcException(new Status(StatusCode.Unavailable, "away")),
            2 => throw new RpcException(new Status(StatusCode.ResourceExhausted, "busy"), new Metadata { { "grpc-retry-pushback-ms", $"{BusyMilliseconds}" } }),
            _ => Task.FromResult(Answer()),
        };
    }
}
