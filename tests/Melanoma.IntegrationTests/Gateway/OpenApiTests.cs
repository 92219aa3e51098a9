using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Melanoma.Gateway.OpenApi;

namespace Melanoma.IntegrationTests.Gateway;

public sealed class OpenApiTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(OpenApiEndpoints.PagePath)]
    [InlineData(OpenApiEndpoints.DocumentPath)]
    [InlineData(OpenApiEndpoints.ProtosPath)]
    public async Task Should_show_nobody_the_interface_when_nobody_signed_in(string path)
    {
        using var stranger = gateway.Browse(key: null);
        using var response = await stranger.GetAsync(new Uri(path, UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Should_serve_a_page_that_may_fetch_nothing_when_the_key_is_good()
    {
        using var client = gateway.Browse(gateway.Key);
        using var response = await client.GetAsync(new Uri(OpenApiEndpoints.PagePath, UriKind.Relative), Cancellation);

        Assert.Equal((HttpStatusCode.OK, "text/html"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        Assert.StartsWith("default-src 'none'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Contains("Classifies one image with the production model", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_serve_the_document_when_the_key_is_good()
    {
        using var client = gateway.Browse(gateway.Key);

        var document = await client.GetFromJsonAsync<JsonElement>(new Uri(OpenApiEndpoints.DocumentPath, UriKind.Relative), Cancellation);

        Assert.Equal("Classifier_Classify", document.GetProperty("paths").GetProperty("/v1/classify").GetProperty("post").GetProperty("operationId").GetString());
    }

    [Fact]
    public async Task Should_serve_the_protos_with_all_that_they_import_when_the_key_is_good()
    {
        using var client = gateway.Browse(gateway.Key);
        using var archive = new ZipArchive(await client.GetStreamAsync(new Uri(OpenApiEndpoints.ProtosPath, UriKind.Relative), Cancellation));

        var imported = new HashSet<string>();
        foreach (var entry in archive.Entries)
        {
            using var proto = new StreamReader(entry.Open());
            while (await proto.ReadLineAsync(Cancellation) is { } line)
            {
                if (line.StartsWith("import \"", StringComparison.Ordinal))
                    imported.Add(line.Split('"')[1]);
            }
        }

        var names = archive.Entries.Select(entry => entry.FullName).ToHashSet();
        Assert.Contains("melanoma/v1/classifier.proto", names);
        Assert.Subset(names, imported);
    }
}
