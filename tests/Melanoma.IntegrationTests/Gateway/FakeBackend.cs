using System.Net;
using Grpc.Core;
using Melanoma.Contracts.Access;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Grpc;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>A service behind the Gateway: says back what reached it.</summary>
internal sealed class FakeBackend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeBackend(WebApplication app, Uri http, Uri grpc)
    {
        _app = app;
        Http = http;
        Grpc = grpc;
    }

    public Uri Http { get; }

    public Uri Grpc { get; }

    /// <summary>A run whose watcher loses the connection after the first message.</summary>
    public const string DyingRun = "dying";

    /// <summary>A header that <c>Ingest</c> sends before it has read anything.</summary>
    public const string EarlyHeader = "early";

    /// <summary>Lets a <c>WatchRun</c> that waits go on.</summary>
    public WatchGate Watch => _app.Services.GetRequiredService<WatchGate>();

    public static async Task<FakeBackend> StartAsync(CancellationToken cancellationToken)
    {
        var (http, grpc) = (FreePort.Next(), FreePort.Next());
        var builder = WebApplication.CreateSlimBuilder();
        // The settings of the services under test lie in the same folder.
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, http, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, grpc, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddMelanomaGrpc();
        builder.Services.AddSingleton<WatchGate>();
        var app = builder.Build();
        app.MapGrpcService<EchoClassifier>();
        app.MapGrpcService<CountingCatalog>();
        app.MapGrpcService<WaitingRuns>();
        app.MapFallback(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await context.Response.WriteAsync(await DescribeAsync(context), context.RequestAborted);
        });
        await app.StartAsync(cancellationToken);
        return new FakeBackend(app, new Uri($"http://127.0.0.1:{http}"), new Uri($"http://127.0.0.1:{grpc}"));
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>One line a header, as it arrived; the Gateway's token as what it says.</summary>
    private static async Task<string> DescribeAsync(HttpContext context)
    {
        var token = context.Request.Headers[CallerTokens.Header].ToString();
        var caller = await PlayedGateway.ReadAsync(token) is { } known ? $"{known.Name} of {known.Tenant} ({string.Join(", ", known.Roles.Names())})" : "nobody";
        return string.Join(
            '\n',
            context.Request.Headers
                .Select(header => $"{header.Key.ToLowerInvariant()}: {header.Value}").Prepend($"{context.Request.Method} {context.Request.Path}"))
            .Replace(token.Length == 0 ? "\0" : token, caller, StringComparison.Ordinal);
    }

    internal sealed class WatchGate
    {
        public TaskCompletionSource GoOn { get; } = new();
    }

    private sealed class EchoClassifier : Classifier.ClassifierBase
    {
        public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context) =>
            new() { Diagnosis = await DescribeAsync(context.GetHttpContext()), ModelVersion = request.Image.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) };

        public override async Task ClassifyStream(IAsyncStreamReader<ClassifyStreamRequest> requestStream, IServerStreamWriter<ClassifyStreamResponse> responseStream, ServerCallContext context)
        {
            await foreach (var question in requestStream.ReadAllAsync(context.CancellationToken))
            {
                var answer = await Classify(question.Request, context);
                await responseStream.WriteAsync(new ClassifyStreamResponse { Key = question.Key, Answer = answer }, context.CancellationToken);
            }
        }
    }

    private sealed class CountingCatalog : ImageCatalog.ImageCatalogBase
    {
        public override async Task<Delivery> Ingest(IAsyncStreamReader<IngestRequest> requestStream, ServerCallContext context)
        {
            await context.WriteResponseHeadersAsync(new Metadata { { EarlyHeader, "named before the end" } });
            var bytes = 0L;
            await foreach (var part in requestStream.ReadAllAsync(context.CancellationToken))
                bytes += part.Chunk.Length;
            return new Delivery { Name = bytes.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        }
    }

    private sealed class WaitingRuns(WatchGate gate) : TrainingRuns.TrainingRunsBase
    {
        public override async Task WatchRun(GetRunRequest request, IServerStreamWriter<Run> responseStream, ServerCallContext context)
        {
            await responseStream.WriteAsync(new Run { RunId = request.RunId, State = RunState.Training }, context.CancellationToken);
            if (request.RunId == DyingRun)
                context.GetHttpContext().Abort();
            await gate.GoOn.Task.WaitAsync(context.CancellationToken);
            await responseStream.WriteAsync(new Run { RunId = request.RunId, State = RunState.Completed }, context.CancellationToken);
        }
    }
}
