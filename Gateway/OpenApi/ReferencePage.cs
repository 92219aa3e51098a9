using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;
using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;

namespace Melanoma.Gateway.OpenApi;

/// <summary>Writes the page on which people read the interface: without script, and with nothing fetched, so that it works behind every firewall.</summary>
internal static partial class ReferencePage
{
    private const string Style = """
        :root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 30%, Canvas); --soft: color-mix(in srgb, CanvasText 7%, Canvas); }
        body { font: 1rem/1.6 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1.5rem; }
        h1, h2, h3 { line-height: 1.25; }
        h2 { margin-top: 3.5rem; padding-top: 1rem; border-top: 2px solid var(--line); }
        h3 { margin-top: 2.5rem; }
        h4 { margin: 1.25rem 0 .25rem; }
        code, pre { font: .9em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: .25rem; }
        code { padding: .1em .3em; overflow-wrap: anywhere; }
        pre { padding: .75rem 1rem; overflow-x: auto; }
        pre code { padding: 0; background: none; }
        .table { overflow-x: auto; }
        td:first-child code { overflow-wrap: normal; white-space: nowrap; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
        nav ul { padding-left: 1.25rem; columns: 15rem; }
        nav > ul > li { break-inside: avoid; margin-bottom: .75rem; }
        nav ul ul { columns: auto; }
        footer { margin: 4rem 0 2rem; }
        """;

    private const string Introduction = """
        <p>Two ways lead to the same interface: <strong>gRPC</strong>, which is all that follows, and <strong>JSON</strong> over HTTP for every call that has a route. A program reads
        <a href="/openapi/v1.json">the OpenAPI document</a> of the JSON routes, and makes gRPC clients of <a href="/openapi/protos.zip">the protos</a>; with a key, gRPC reflection tells them too.</p>
        <h2 id="calling">Calling it</h2>
        <p>Send your API key as <code>x-api-key</code>: an HTTP header, or gRPC metadata of that name. For the examples below, put it into a file, so that it stands in no list of processes:</p>
        <pre><code>(umask 077; printf 'x-api-key: %s\n' "$MELANOMA_API_KEY" &gt; key)
        MELANOMA=https://the-address-of-this-page</code></pre>
        <h3 id="refusals">Refusals</h3>
        <p>A refusal has a sentence that says what is wrong and what to do. Besides those that each call names, every call may be refused with</p>
        <div class="table"><table>
        <thead><tr><th scope="col">gRPC</th><th scope="col">HTTP</th><th scope="col">why</th></tr></thead>
        <tbody>
        <tr><td><code>UNAUTHENTICATED</code></td><td>401</td><td>The key or token is missing, unknown, expired or revoked.</td></tr>
        <tr><td><code>PERMISSION_DENIED</code></td><td>403</td><td>This caller may not do that.</td></tr>
        <tr><td><code>RESOURCE_EXHAUSTED</code></td><td>429</td><td>The caller, or its tenant, has reached a limit. The trailer <code>grpc-retry-pushback-ms</code>, or the header <code>Retry-After</code>, says when to try again.</td></tr>
        <tr><td><code>UNAVAILABLE</code></td><td>503</td><td>The service or its database cannot be reached at the moment; try again.</td></tr>
        </tbody></table></div>
        <p>Set a deadline on every call, and give your gRPC client a retry policy for <code>UNAVAILABLE</code> and <code>RESOURCE_EXHAUSTED</code>: what is busy says when to come again, and clients that follow gRFC A6
        keep to it by themselves. Bear fields and enum values that you do not know: the interface only grows.</p>
        """;

    public static string Write(ApiDescription api)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Interface - Melanoma</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <header><h1>The interface of Melanoma</h1></header>
            <main>
            {Introduction}
            <nav aria-label="Calls">
            <h2 id="calls">Calls</h2>
            <ul>

            """);
        foreach (var service in api.Services)
        {
            page.Append(CultureInfo.InvariantCulture, $"<li><a href=\"#{service.Name}\">{service.Name}</a><ul>\n");
            foreach (var method in service.Methods)
                page.Append(CultureInfo.InvariantCulture, $"<li><a href=\"#{method.Id}\">{method.Name}</a></li>\n");
            page.Append("</ul></li>\n");
        }

        page.Append("</ul>\n</nav>\n");
        foreach (var service in api.Services)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2 id=\"{service.Name}\">{service.Name}</h2>\n{Prose(service.Remarks)}");
            foreach (var method in service.Methods)
                WriteMethod(page, method);
        }

        page.Append("<h2 id=\"messages\">Messages</h2>\n");
        foreach (var message in api.Messages)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h3 id=\"{message.Name}\">{message.Name}</h3>\n{Prose(Remarks.Of(message))}");
            WriteFields(page, [.. message.Fields.InDeclarationOrder()]);
        }

        page.Append("<h2 id=\"enums\">Enums</h2>\n");
        foreach (var type in api.Enums)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h3 id=\"{type.Name}\">{type.Name}</h3>\n{Prose(Remarks.Of(type))}");
            WriteTable(page, ["value", "number", "meaning"], type.Values.Select(value => new[] { Code(value.Name), value.Number.ToString(CultureInfo.InvariantCulture), Prose(Remarks.Of(value).Text) }));
        }

        page.Append("</main>\n<footer>Melanoma. For research, not a medical device.</footer>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void WriteMethod(StringBuilder page, ApiMethod method)
    {
        var descriptor = method.Descriptor;
        page.Append(CultureInfo.InvariantCulture, $"<h3 id=\"{method.Id}\">{method.Name}</h3>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p>{Code(descriptor.FullName)}{(method.Http is { } route ? $", {Code($"{route.Method} {route.Path}")}" : ", gRPC alone")}</p>\n");
        page.Append(Prose(method.Remarks));
        page.Append(CultureInfo.InvariantCulture, $"<p>For callers with the role {string.Join(" or ", RoleTable.Of(descriptor).Names())}.</p>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p>Takes {Streamed(descriptor.IsClientStreaming, descriptor.InputType)}, answers {Streamed(descriptor.IsServerStreaming, descriptor.OutputType)}.</p>\n");
        WriteFields(page, [.. descriptor.InputType.Fields.InDeclarationOrder()]);
        if (method.Remarks.Refusals.Length > 0)
        {
            page.Append("<h4>Refused with</h4>\n");
            WriteTable(page, ["gRPC", "HTTP", "why"], method.Remarks.Refusals.Select(refusal => new[] { Code(refusal.Status.Name), refusal.Status.Http.ToString(CultureInfo.InvariantCulture), Prose(refusal.Reason) }));
        }

        if (method.Http is not null)
            page.Append(CultureInfo.InvariantCulture, $"<h4>For example</h4>\n<pre><code>{Encode(ExampleOf(method, method.Http))}</code></pre>\n");
    }

    private static void WriteFields(StringBuilder page, FieldDescriptor[] fields)
    {
        if (fields.Length == 0)
            return;
        WriteTable(page, ["field", "JSON", "type", "meaning"], fields.Select(field => new[] { Code(field.Name), Code(field.JsonName), TypeOf(field), Prose(Remarks.Of(field).Text) }));
    }

    private static void WriteTable(StringBuilder page, string[] columns, IEnumerable<string[]> rows)
    {
        page.Append(CultureInfo.InvariantCulture, $"<div class=\"table\"><table>\n<thead><tr>{string.Concat(columns.Select(column => $"<th scope=\"col\">{column}</th>"))}</tr></thead>\n<tbody>\n");
        foreach (var row in rows)
            page.Append(CultureInfo.InvariantCulture, $"<tr>{string.Concat(row.Select(cell => $"<td>{cell}</td>"))}</tr>\n");
        page.Append("</tbody></table></div>\n");
    }

    private static string ExampleOf(ApiMethod method, JsonRoute route)
    {
        // Capitals for what a reader fills in: curl has a meaning of its own for braces.
        var path = PathVariable().Replace(route.Path, match => match.Groups[1].Value.ToUpperInvariant());
        if (route.Path == PictureBodies.Path)
            return $"curl -H @key -H 'content-type: image/jpeg' -H \"idempotency-key: $(uuidgen)\" --data-binary @picture.jpg \"$MELANOMA{path}\"";
        if (!route.HasBody)
            return $"curl -H @key \"$MELANOMA{path}\"";
        var body = new JsonObject(method.OtherFields.Where(field => !field.HasPresence || field.FieldType == FieldType.Message).Select(field => KeyValuePair.Create(field.JsonName, ExampleOf(field))));
        return $"curl -H @key -H 'content-type: application/json' -d '{body.ToJsonString()}' \"$MELANOMA{path}\"";
    }

    private static JsonNode? ExampleOf(FieldDescriptor field) => field switch
    {
        { IsRepeated: true } => new JsonArray(),
        { FieldType: FieldType.Message } => new JsonObject(),
        { FieldType: FieldType.Enum } => field.EnumType.Values[field.EnumType.Values.Count > 1 ? 1 : 0].Name,
        { FieldType: FieldType.Bool } => false,
        { FieldType: FieldType.String } => field.JsonName,
        { FieldType: FieldType.Bytes } => "BASE64",
        _ => 1,
    };

    private static string Streamed(bool streamed, MessageDescriptor message) =>
        $"{(streamed ? "a stream of " : "")}{(message.FullName == Google.Api.HttpBody.Descriptor.FullName ? Code(message.FullName) : Link(message.Name))}";

    private static string TypeOf(FieldDescriptor field)
    {
        if (field.IsMap)
            return $"map of {TypeOf(field.MessageType.FindFieldByNumber(1))} to {TypeOf(field.MessageType.FindFieldByNumber(2))}";
        var name = field.FieldType switch
        {
            FieldType.Message when field.MessageType.File.Package != field.File.Package => field.MessageType.FullName,
            FieldType.Message => Link(field.MessageType.Name),
            FieldType.Enum => Link(field.EnumType.Name),
            _ => field.FieldType.ToString().ToLowerInvariant(),
        };
        return field.IsRepeated ? $"repeated {name}" : field.HasPresence && field.FieldType != FieldType.Message && field.RealContainingOneof is null ? $"optional {name}" : name;
    }

    private static string Link(string name) => $"<a href=\"#{name}\">{name}</a>";

    private static string Code(string text) => $"<code>{Encode(text)}</code>";

    private static string Prose(Remarks remarks) => string.Concat(remarks.Paragraphs.Select(paragraph => $"<p>{Prose(paragraph)}</p>\n"));

    /// <summary>Text of a comment; what stands between backticks is code.</summary>
    private static string Prose(string text) => Quoted().Replace(Encode(text), "<code>$1</code>");

    // Only what HTML needs: the page is UTF-8.
    private static string Encode(string text) => HtmlEncoder.Default.Encode(text).Replace("&#x60;", "`", StringComparison.Ordinal);

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex PathVariable();
}
