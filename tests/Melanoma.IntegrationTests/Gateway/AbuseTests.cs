using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>Bytes on the wire that no well-behaved client would send.</summary>
public sealed class AbuseTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_find_no_way_past_the_roles_when_a_path_is_written_otherwise()
    {
        var key = await gateway.CommandAsync("keys", "create", "--name", "only-looks", "--tenant", "st-mary", "--roles", "read");
        string[] listing = ["/v1/keys", "/V1/KEYS", "/v1/%6beys", "/v1/keys/", "/v1/./keys", "/v1/x/../keys", "/v1/x/%2e%2e/keys", "/v1//keys", "//v1/keys", "/v1/keys;x=1", "/v1/keys%00", "/v1%2fkeys", "/v1/models/..%2fkeys", "http://other/v1/keys"];
        foreach (var path in listing)
        {
            var answer = await SendAsync($"GET {path} HTTP/1.1\r\nHost: gateway\r\nx-api-key: {key}\r\nConnection: close\r\n\r\n");
            Assert.DoesNotContain("\"keys\"", answer, StringComparison.Ordinal);
        }

        string[] starting = ["/v1/runs", "/V1/Runs", "/v1/ru%6es", "/v1/runs/", "/v1/x/../runs", "/v1//runs", "//v1/runs", "/v1/runs?x=/v1/models", "/v1/models/../runs"];
        foreach (var path in starting)
        {
            foreach (var trick in new[] { "", "X-HTTP-Method-Override: GET\r\n", "X-Original-URL: /v1/models\r\n", "X-Rewrite-URL: /v1/models\r\n" })
            {
                // The backend says back what reached it.
                var answer = await SendAsync($"POST {path} HTTP/1.1\r\nHost: gateway\r\nx-api-key: {key}\r\n{trick}Content-Length: 0\r\nConnection: close\r\n\r\n");
                Assert.DoesNotContain("POST /v1/runs", answer, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Fact]
    public async Task Should_take_one_request_for_one_when_lengths_contradict_each_other()
    {
        var hidden = $"GET /v1/keys HTTP/1.1\r\nHost: gateway\r\n\r\n";
        string[] framings =
        [
            $"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            $"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}",
            $"Content-Length: 0\r\nContent-Length: {hidden.Length}\r\n\r\n{hidden}",
            $"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}",
        ];
        foreach (var framing in framings)
        {
            var answer = await SendAsync($"POST /v1/classify HTTP/1.1\r\nHost: gateway\r\nx-api-key: {gateway.Key}\r\n{framing}");
            Assert.DoesNotContain("\"keys\"", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("GET /v1/keys", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Should_know_nobody_when_two_keys_are_sent()
    {
        var answer = await SendAsync($"GET /v1/models HTTP/1.1\r\nHost: gateway\r\nx-api-key: {gateway.Key}\r\nx-api-key: {gateway.Key}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 401", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_give_up_a_body_that_trickles()
    {
        using var client = await ConnectAsync();
        await using var stream = client.GetStream();
        await WriteAsync(stream, $"POST /v1/classify HTTP/1.1\r\nHost: gateway\r\nx-api-key: {gateway.Key}\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\nx");

        var answer = await ReadAsync(stream, silence: TimeSpan.FromSeconds(30));

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), answer);
    }

    [Fact]
    public async Task Should_go_on_serving_when_a_thousand_connections_say_nothing()
    {
        var idle = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => ConnectAsync()));
        try
        {
            using var client = gateway.Browse(gateway.Key);
            using var answer = await client.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation).WaitAsync(TimeSpan.FromSeconds(10), Cancellation);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        finally
        {
            foreach (var connection in idle)
                connection.Dispose();
        }
    }

    private async Task<string> SendAsync(string request)
    {
        using var client = await ConnectAsync();
        await using var stream = client.GetStream();
        await WriteAsync(stream, request);
        var answer = await ReadAsync(stream, silence: TimeSpan.FromSeconds(1));

        // Who is not answered has been refused nothing.
        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        return answer;
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, gateway.Gateway.Http.Port, Cancellation);
        return client;
    }

    private static async Task WriteAsync(NetworkStream stream, string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), Cancellation);

    // Until the other side hangs up, or has been answering and then says nothing more.
    private static async Task<string> ReadAsync(NetworkStream stream, TimeSpan silence)
    {
        using var read = new MemoryStream();
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
                patience.CancelAfter(read.Length == 0 ? TimeSpan.FromSeconds(30) : silence);
                var count = await stream.ReadAsync(buffer, patience.Token);
                if (count == 0)
                    break;
                read.Write(buffer, 0, count);
            }
        }
        catch (OperationCanceledException) when (read.Length > 0 && !Cancellation.IsCancellationRequested)
        {
        }
        catch (IOException)
        {
            // The other side has hung up, which is an answer too.
        }

        return Encoding.UTF8.GetString(read.GetBuffer(), 0, (int)read.Length);
    }
}
