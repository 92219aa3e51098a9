using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Imaging;
using Melanoma.Inference.Predictions;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Grpc;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Melanoma.Inference.Classification;

/// <summary>
/// <c>POST /v1/classify</c> with the image itself as body, or as the first file of a form: base64 is nobody's habit. The
/// same path with JSON is the gRPC method's.
/// </summary>
internal static class ClassifyEndpoints
{
    private const string ModelVersionName = "model_version";
    private const string CaseReferenceName = "case_reference";

    private static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    public static void MapClassifyEndpoints(this WebApplication app) =>
        app.MapPost("/v1/classify", ClassifyAsync)
            .WithMetadata(new AcceptedBody(), new AdmittedByBytes())
            .AddEndpointFilter(async (context, next) =>
            {
                try
                {
                    return await next(context);
                }
                catch (RpcException refusal)
                {
                    return Problem(refusal, context.HttpContext.Response);
                }
                catch (Exception exception) when (ExceptionInterceptor.IsDatabaseLost(exception))
                {
                    return Problem(ExceptionInterceptor.DatabaseLost(), context.HttpContext.Response);
                }
            });

    private static async Task<IResult> ClassifyAsync(HttpRequest request, ImageClassifier classifier, CancellationToken cancellationToken)
    {
        var image = await ReadImageAsync(request, cancellationToken);
        var question = new ClassificationQuestion(image, Setting(request, ModelVersionName), Setting(request, CaseReferenceName), request.HttpContext.GetCaller())
        {
            IdempotencyKey = IdempotencyKeys.Choose(field: null, Header(request, IdempotencyKeys.HeaderName)),
        };
        var answer = await classifier.ClassifyAsync(question, cancellationToken);
        return Results.Content(Json.Format(answer), "application/json");
    }

    private static async Task<ReadOnlyMemory<byte>> ReadImageAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
        {
            return await ReadAsync(request.Body, request.ContentLength, cancellationToken);
        }

        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (string.IsNullOrEmpty(boundary))
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The form has no boundary; send multipart/form-data with the image as a file.");
        }

        try
        {
            var sections = new MultipartReader(boundary, request.Body);
            while (await sections.ReadNextSectionAsync(cancellationToken) is { } section)
            {
                if (section.GetContentDispositionHeader()?.IsFileDisposition() == true)
                {
                    return await ReadAsync(section.Body, length: null, cancellationToken);
                }
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The form cannot be read; send multipart/form-data with the image as a file.");
        }

        throw Refusal.Of(StatusCode.InvalidArgument, "The form has no file; send the image as a file, for example with curl -F image=@picture.jpg.");
    }

    // What is larger than any image may be is not read to its end.
    private static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream body, long? length, CancellationToken cancellationToken)
    {
        var limit = ImageLimits.Default.MaxBytes;
        RequireAtMost(limit, length ?? 0);
        using var bytes = new MemoryStream((int)(length ?? 0));
        var chunk = new byte[64 * 1024];
        int read;
        while ((read = await body.ReadAsync(chunk, cancellationToken)) > 0)
        {
            RequireAtMost(limit, bytes.Length + read);
            bytes.Write(chunk, 0, read);
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static void RequireAtMost(int limit, long length)
    {
        if (length > limit)
        {
            throw Refusal.Of(
                StatusCode.InvalidArgument, string.Create(CultureInfo.InvariantCulture, $"The file has more than {limit / 1048576.0:0.#} MiB, which is the most that is taken. Save it smaller."));
        }
    }

    // A case reference had better travel in the header: query strings end up in access logs.
    private static string? Setting(HttpRequest request, string name) =>
        Header(request, "x-" + name.Replace('_', '-')) ?? (request.Query.TryGetValue(name, out var value) ? value.ToString() : null);

    private static string? Header(HttpRequest request, string name) => request.Headers.TryGetValue(name, out var value) ? value.ToString() : null;

    internal static IResult Problem(RpcException refusal, HttpResponse response)
    {
        if (Refusal.RetryPushbackMs(refusal) is { } milliseconds)
        {
            response.Headers.RetryAfter = ClassifierService.RetryAfterSeconds(milliseconds);
        }

        return Results.Problem(refusal.Status.Detail, statusCode: HttpStatus(refusal.StatusCode), extensions: [new("grpcStatus", refusal.StatusCode.ToString())]);
    }

    // As google.rpc.Code maps them, and JSON transcoding with it.
    private static int HttpStatus(StatusCode status) => status switch
    {
        StatusCode.InvalidArgument or StatusCode.FailedPrecondition => StatusCodes.Status400BadRequest,
        StatusCode.NotFound => StatusCodes.Status404NotFound,
        StatusCode.AlreadyExists => StatusCodes.Status409Conflict,
        StatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        StatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        StatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
        _ => StatusCodes.Status500InternalServerError,
    };

    private sealed class AcceptedBody : Microsoft.AspNetCore.Http.Metadata.IAcceptsMetadata
    {
        public IReadOnlyList<string> ContentTypes { get; } = ["image/*", "application/octet-stream", "multipart/form-data"];

        public Type? RequestType => null;

        public bool IsOptional => false;
    }
}
