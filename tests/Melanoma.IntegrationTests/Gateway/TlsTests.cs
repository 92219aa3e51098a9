using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>One port with TLS for everything, from a certificate file that somebody renews.</summary>
public sealed class TlsTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_serve_gRPC_and_JSON_on_one_port_and_take_a_new_certificate_without_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("melanoma-tls-");
        try
        {
            var (certificate, key) = (Path.Combine(folder.FullName, "tls.crt"), Path.Combine(folder.FullName, "tls.key"));
            var first = Write(certificate, key);
            var door = new Uri($"https://127.0.0.1:{FreePort.Next()}");
            await using var backend = await FakeBackend.StartAsync(Cancellation);
            var environment = new Dictionary<string, string?>
            {
                ["ConnectionStrings__melanoma"] = await servers.CreateMigratedDatabaseAsync(Cancellation),
                ["services__inference__http__0"] = backend.Http.OriginalString,
                ["services__inference__grpc__0"] = backend.Grpc.OriginalString,
                ["Kestrel__Endpoints__tls__Url"] = door.OriginalString,
                ["Kestrel__Endpoints__tls__Protocols"] = "Http1AndHttp2",
                ["Kestrel__Endpoints__tls__Certificate__Path"] = certificate,
                ["Kestrel__Endpoints__tls__Certificate__KeyPath"] = key,
            };
            var apiKey = (await ServiceProcess.RunAsync("Gateway", environment, ["keys", "create", "--name", "k", "--tenant", "t"], Cancellation)).TrimEnd('\n');
            await using var gateway = ServiceProcess.Start("Gateway", environment);
            await gateway.WaitUntilReadyAsync(Cancellation);

            var seen = await CallAsync(door, apiKey);
            Assert.Equal(first, seen);

            var second = Write(certificate, key);
            Assert.NotEqual(first, second);
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            while (await TryAsync(door, apiKey) != second)
                await tick.WaitForNextTickAsync(Cancellation);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // While the port is opened again under the new certificate, nobody answers for a moment.
    private static async Task<string?> TryAsync(Uri door, string key)
    {
        try
        {
            return await CallAsync(door, key);
        }
        catch (Exception refused) when (refused is RpcException { StatusCode: StatusCode.Unavailable } or HttpRequestException)
        {
            return null;
        }
    }

    // Returns which certificate it met.
    private static async Task<string> CallAsync(Uri door, string key)
    {
        var met = new HashSet<string>();
        using var channel = GrpcChannel.ForAddress(door, new GrpcChannelOptions { HttpHandler = Handler(), DisposeHttpClient = true });
        var answer = await new Classifier.ClassifierClient(channel.CreateCallInvoker().With("x-api-key", key)).ClassifyAsync(new ClassifyRequest(), cancellationToken: Cancellation);
        Assert.Contains("x-melanoma-caller: k of t (classify)", answer.Diagnosis, StringComparison.Ordinal);
        using var client = new HttpClient(Handler()) { BaseAddress = door, DefaultRequestHeaders = { { "x-api-key", key } } };
        using var response = await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
        Assert.Equal((HttpStatusCode.OK, new Version(1, 1)), (response.StatusCode, response.Version));
        return string.Join(" and ", met);

        SocketsHttpHandler Handler() => new()
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) => met.Add(certificate!.GetCertHashString(HashAlgorithmName.SHA256)) || met.Count > 0,
            },
        };
    }

    private static string Write(string certificatePath, string keyPath)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(certificatePath, certificate.ExportCertificatePem());
        return certificate.GetCertHashString(HashAlgorithmName.SHA256);
    }
}
