using System.Net;
using Melanoma.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Melanoma.IntegrationTests.Gateway.Operations;

/// <summary>A Gateway with a broker, a service that takes messages, and replicas: one that is well, one that is not and one that is gone.</summary>
public sealed class OperationsFixture(TestServers servers) : IAsyncLifetime
{
    private FakeBackend? _well;
    private WebApplication? _ill;

    internal OperationsStand Stand { get; private set; } = null!;

    internal OperationsStand.TestConsumer Consumer { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cancellation = TestContext.Current.CancellationToken;
        _well = await FakeBackend.StartAsync(cancellation);
        var ill = FreePort.Next();
        _ill = await StartIllAsync(ill, cancellation);
        Stand = await OperationsStand.PrepareAsync(
            servers, cancellation,
            ("services__ingestion__http__0", _well.Http.OriginalString),
            ("services__inference__http__0", $"http://127.0.0.1:{ill}"),
            ("services__training__http__0", $"http://127.0.0.1:{FreePort.Next()}"));
        await Stand.StartGatewayAsync(cancellation);
        Consumer = await Stand.ConsumeAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (Stand is not null)
            await Stand.DisposeAsync();
        if (_ill is not null)
            await _ill.DisposeAsync();
        if (_well is not null)
            await _well.DisposeAsync();
    }

    private static async Task<WebApplication> StartIllAsync(int port, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        // The settings of the services under test lie in the same folder.
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        app.MapGet("/health/ready", async context =>
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers["x-melanoma-version"] = "9.8.7+abc";
            await context.Response.WriteAsync("model: no version is in production\nbus: Not ready\n", context.RequestAborted);
        });
        await app.StartAsync(cancellationToken);
        return app;
    }
}
