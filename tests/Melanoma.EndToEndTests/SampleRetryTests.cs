using System.Diagnostics;
using System.Security.Cryptography;

namespace Melanoma.EndToEndTests;

/// <summary>What the samples leave to their clients: repeating, and TLS.</summary>
public sealed class SampleRetryTests(BusyGateway gateway) : IClassFixture<BusyGateway>
{
    // Larger than what any of the clients would keep for a repeat by default.
    private const int PictureBytes = 5_000_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("csharp")]
    [InlineData("python")]
    [InlineData("node")]
    [InlineData("curl")]
    public async Task Should_repeat_the_same_question_when_the_server_is_away_and_then_busy(string language)
    {
        var client = await SampleClient.PrepareAsync(language, gateway.Folder, Cancellation);
        var picture = Path.Combine(gateway.Folder, $"{language}.jpg");
        await File.WriteAllBytesAsync(picture, RandomNumberGenerator.GetBytes(PictureBytes), Cancellation);
        var question = $"question of {language}";
        var environment = new Dictionary<string, string> { ["MELANOMA_IDEMPOTENCY_KEY"] = question };
        foreach (var name in new[] { "SSL_CERT_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE" })
            environment[name] = gateway.Authority;

        var answer = (await client.AskAsync(gateway.Address, "mk_secret", picture, environment, Cancellation)).Succeeded().Output;

        Assert.Contains("melanoma probability: 0.8125\n", answer, StringComparison.Ordinal);
        var attempts = gateway.AttemptsOf(question);
        Assert.Equal(3, attempts.Count);
        Assert.All(attempts, attempt => Assert.Equal((PictureBytes, "mk_secret"), (attempt.Bytes, attempt.Key)));
        // The server said a second; left to itself no client would have waited that long, curl apart.
        Assert.InRange(Stopwatch.GetElapsedTime(attempts[1].Timestamp, attempts[2].Timestamp), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(30));
    }
}
