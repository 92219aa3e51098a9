using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Melanoma.Gateway;
using Melanoma.Gateway.Routing;

namespace Melanoma.IntegrationTests.Gateway;

public sealed class GatewayHttpTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_refuse_each_route_of_the_table_when_nobody_signed_in()
    {
        using var stranger = gateway.Browse(key: null);
        Assert.NotEmpty(RouteTable.Routes);
        foreach (var route in RouteTable.Routes)
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method ?? "GET"), GatewayFixture.Example(route.Path));
            using var response = await stranger.SendAsync(request, Cancellation);

            Assert.True(HttpStatusCode.Unauthorized == response.StatusCode, $"{route.Name} answers {response.StatusCode}");
        }
    }

    [Fact]
    public async Task Should_reach_the_backend_on_each_route_of_the_table_when_the_key_is_good()
    {
        using var client = gateway.Browse(gateway.Key);
        foreach (var route in RouteTable.Routes.Where(route => route.Wire == Wire.Http))
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method ?? "GET"), GatewayFixture.Example(route.Path));
            using var response = await client.SendAsync(request, Cancellation);
            var seen = await response.Content.ReadAsStringAsync(Cancellation);

            Assert.StartsWith($"{route.Method ?? "GET"} {GatewayFixture.Example(route.Path)}", seen, StringComparison.Ordinal);
            Assert.Contains("x-melanoma-caller: clinic-system", seen, StringComparison.Ordinal);
            Assert.DoesNotContain("x-api-key", seen, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task Should_tell_its_health_when_nobody_signed_in(string path)
    {
        using var stranger = gateway.Browse(key: null);
        using var response = await stranger.GetAsync(new Uri(path, UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Should_answer_with_problem_details_when_a_program_sends_a_wrong_key()
    {
        using var client = gateway.Browse("wrong");
        using var response = await client.PostAsJsonAsync(new Uri("/v1/classify", UriKind.Relative), new { image = "" }, Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Contains("x-api-key", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_show_how_to_get_in_when_a_browser_has_no_session()
    {
        using var client = gateway.Browse(key: null);
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html,application/xhtml+xml,*/*;q=0.8");
        using var response = await client.GetAsync(new Uri("/", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("sign-in", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Should_refuse_a_picture_that_is_too_large_with_a_sentence_when_it_is_posted(bool lengthIsKnown)
    {
        using var client = gateway.Browse(gateway.Key);
        client.DefaultRequestHeaders.ExpectContinue = true;
        // Without a length the refusal comes in the middle, and a client that goes on sending for long would meet a closed connection before it reads it.
        using var picture = new StreamContent(lengthIsKnown ? new MemoryStream(new byte[50_000_000]) : new Unmeasured(GatewayLimits.ClassifyBodyBytes + 1));
        picture.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
        using var response = await client.PostAsync(new Uri("/v1/classify", UriKind.Relative), picture, Cancellation);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("at most 20 MiB", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_let_the_largest_image_pass_when_it_is_base64_in_JSON()
    {
        using var client = gateway.Browse(gateway.Key);
        using var body = new ByteArrayContent(new byte[20 * 1024 * 1024 / 3 * 4]);
        using var response = await client.PostAsync(new Uri("/v1/classify", UriKind.Relative), body, Cancellation);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(body.Headers.ContentLength < GatewayLimits.ClassifyBodyBytes);
    }

    [Fact]
    public async Task Should_answer_not_found_as_problem_details_when_the_method_is_unknown()
    {
        using var client = gateway.Browse(gateway.Key);
        using var response = await client.GetAsync(new Uri("/v1/nothing", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    /// <summary>A body whose length is not told beforehand.</summary>
    private sealed class Unmeasured(long length) : Stream
    {
        private long _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(count, _left);
            _left -= read;
            return read;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
