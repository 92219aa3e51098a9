using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Melanoma.Gateway.OpenApi;
using Melanoma.Gateway.Routing;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.OpenApi;

namespace Melanoma.UnitTests.Gateway;

public sealed partial class OpenApiTests
{
    private static readonly ApiDescription Api = ApiDescription.Load();
    private static readonly JsonObject Document = ApiDocument.Write(Api);
    private static readonly string Page = ReferencePage.Write(Api);

    [Fact]
    public void Should_be_understood_without_a_complaint_when_a_reader_of_OpenAPI_takes_it()
    {
        var read = OpenApiDocument.Parse(Document.ToJsonString(), OpenApiConstants.Json);

        Assert.Empty(read.Diagnostic!.Errors.Select(error => $"{error.Pointer}: {error.Message}"));
        Assert.Empty(read.Diagnostic.Warnings.Select(warning => $"{warning.Pointer}: {warning.Message}"));
        Assert.Equal(OpenApiSpecVersion.OpenApi3_0, read.Diagnostic.SpecificationVersion);
        Assert.Equal(Document["paths"]!.AsObject().Count, read.Document!.Paths.Count);
    }

    [Fact]
    public void Should_have_each_JSON_route_of_the_table_and_nothing_else_when_it_is_written()
    {
        var described = Document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}"));

        var routes = RouteTable.Routes.Where(route => route.Wire == Wire.Http && route.Backend != Backend.Portal);
        var own = RouteTable.OwnServices.SelectMany(service => service.Methods).Select(method => RouteTable.PatternOf(method.GetOptions().GetExtension(Google.Api.AnnotationsExtensions.Http)));
        Assert.Equal(
            routes.Select(route => $"{route.Method} {route.Path}").Concat(own.Select(pattern => $"{pattern.Method} {pattern.Path}")).Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Should_refer_only_to_what_is_there_when_it_is_written()
    {
        var references = Reference().Matches(Document.ToJsonString()).Select(match => match.Groups[1].Value).Distinct().ToArray();

        Assert.NotEmpty(references);
        Assert.All(references, reference => Assert.NotNull(reference.Split('/').Aggregate((JsonNode?)Document, (node, step) => node?[step])));
    }

    [Fact]
    public void Should_describe_a_question_and_its_answer_as_JSON_transcoding_has_them_when_a_picture_is_classified()
    {
        var operation = Document["paths"]!["/v1/classify"]!["post"]!;
        var request = Document["components"]!["schemas"]!["ClassifyRequest"]!;
        var response = Document["components"]!["schemas"]!["ClassifyResponse"]!;

        Assert.Equal(["application/json", "image/*", "application/octet-stream", "multipart/form-data"], operation["requestBody"]!["content"]!.AsObject().Select(content => content.Key));
        Assert.Equal("byte", (string?)request["properties"]!["image"]!["format"]);
        Assert.Equal("int32", (string?)request["properties"]!["topK"]!["format"]);
        Assert.Null(request["required"]);
        Assert.Contains("Pins a model version", (string?)request["properties"]!["modelVersion"]!["description"], StringComparison.Ordinal);
        Assert.Equal("#/components/schemas/Decision", (string?)response["properties"]!["decision"]!["allOf"]![0]!["$ref"]);
        Assert.Equal(["DECISION_UNSPECIFIED", "REFER", "REVIEW", "LOW_RISK", "INDETERMINATE"], Document["components"]!["schemas"]!["Decision"]!["enum"]!.AsArray().Select(value => (string?)value));
        // Always written, unlike those with a presence of their own.
        Assert.Contains("predictionId", response["required"]!.AsArray().Select(name => (string?)name));
        Assert.DoesNotContain("dataset", response["required"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(["200", "400", "401", "403", "404", "409", "413", "429", "503"], operation["responses"]!.AsObject().Select(answer => answer.Key));
        Assert.Contains("the bytes are no image", (string?)operation["responses"]!["400"]!["description"], StringComparison.Ordinal);
    }

    [Fact]
    public void Should_describe_numbers_enums_and_defaults_as_they_are_when_JSON_transcoding_is_as_it_comes()
    {
        var settings = new GrpcJsonSettings();

        Assert.False(settings.WriteInt64sAsStrings);
        Assert.False(settings.WriteEnumsAsIntegers);
        Assert.False(settings.IgnoreDefaultValues);
        Assert.Equal("integer", (string?)Document["components"]!["schemas"]!["Model"]!["properties"]!["sizeBytes"]!["type"]);
    }

    [Fact]
    public void Should_put_fields_into_path_query_or_body_when_the_annotation_says_so()
    {
        var listed = Document["paths"]!["/v1/images"]!["get"]!;
        var promoted = Document["paths"]!["/v1/models/{version}:promote"]!["post"]!;

        Assert.All(listed["parameters"]!.AsArray(), parameter => Assert.Equal("query", (string?)parameter!["in"]));
        Assert.Contains("pageToken", listed["parameters"]!.AsArray().Select(parameter => (string?)parameter!["name"]));
        Assert.Equal(("version", "path", true), Assert.Single(promoted["parameters"]!.AsArray().Select(parameter => ((string?)parameter!["name"], (string?)parameter["in"], (bool?)parameter["required"]))));
        Assert.Equal("#/components/schemas/PromoteModelRequestBody", (string?)promoted["requestBody"]!["content"]!["application/json"]!["schema"]!["$ref"]);
        Assert.Equal(["reason"], Document["components"]!["schemas"]!["PromoteModelRequestBody"]!["properties"]!.AsObject().Select(field => field.Key));
    }

    [Fact]
    public void Should_describe_everything_when_somebody_reads_it()
    {
        var described = Document["components"]!["schemas"]!.AsObject()
            .SelectMany(schema => (schema.Value!["properties"]?.AsObject() ?? []).Select(field => KeyValuePair.Create($"{schema.Key}.{field.Key}", field.Value)).Append(schema));

        Assert.Empty(described.Where(part => string.IsNullOrWhiteSpace((string?)part.Value!["description"])).Select(part => part.Key));
    }

    [Fact]
    public void Should_have_every_call_message_and_enum_and_only_links_that_lead_somewhere_when_it_is_a_page()
    {
        var anchors = Anchor().Matches(Page).Select(match => match.Groups[1].Value).ToArray();

        Assert.Equal(anchors.Length, anchors.Distinct().Count());
        Assert.Superset(new HashSet<string>([.. Api.Services.SelectMany(service => service.Methods).Select(method => method.Id), .. Api.Messages.Select(message => message.Name), .. Api.Enums.Select(type => type.Name)]), anchors.ToHashSet());
        Assert.Subset(anchors.ToHashSet(), Link().Matches(Page).Select(match => match.Groups[1].Value).ToHashSet());
    }

    [Theory]
    [InlineData("<script")]
    [InlineData("<link")]
    [InlineData("<img")]
    [InlineData("@import")]
    [InlineData("url(")]
    [InlineData("//")]
    public void Should_fetch_nothing_when_it_is_a_page(string reference) =>
        Assert.DoesNotContain(reference, Page.Replace("https://the-address-of-this-page", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("\"#/([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex(" id=\"([^\"]+)\"")]
    private static partial Regex Anchor();

    [GeneratedRegex("href=\"#([^\"]+)\"")]
    private static partial Regex Link();
}
