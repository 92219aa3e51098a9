using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Melanoma.Gateway.Refusals;

namespace Melanoma.Gateway.OpenApi;

/// <summary>What integrators read: the interface as a page, as an OpenAPI document and as protos. For whoever may call anything at all.</summary>
internal static class OpenApiEndpoints
{
    public const string PagePath = "/openapi";
    public const string DocumentPath = "/openapi/v1.json";
    public const string ProtosPath = "/openapi/protos.zip";

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Made when first asked for, and the same for everybody.
    private static readonly Lazy<byte[]> Document = new(() => JsonSerializer.SerializeToUtf8Bytes(ApiDocument.Write(ApiDescription.Load()), Readable));

    private static readonly Lazy<byte[]> Page = new(() => Encoding.UTF8.GetBytes(ReferencePage.Write(ApiDescription.Load())));

    private static readonly Lazy<byte[]> Protos = new(ProtoArchive.Write);

    public static IEndpointConventionBuilder MapOpenApi(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("");
        group.MapGet(PagePath, (HttpContext context) =>
        {
            context.Response.Headers.ContentSecurityPolicy = PlainPage.ContentSecurityPolicy;
            context.Response.Headers["Referrer-Policy"] = "no-referrer";
            return Answer(context, Page.Value, "text/html; charset=utf-8");
        });
        group.MapGet(DocumentPath, (HttpContext context) => Answer(context, Document.Value, "application/json"));
        group.MapGet(ProtosPath, (HttpContext context) => Answer(context, Protos.Value, "application/zip"));
        return group;
    }

    private static IResult Answer(HttpContext context, byte[] bytes, string mediaType)
    {
        context.Response.Headers.CacheControl = "private, max-age=300";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Bytes(bytes, mediaType);
    }
}
