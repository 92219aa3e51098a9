using System.Net.Sockets;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Melanoma.Cli.Commands;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Connection;

/// <summary>The clients of all services, through one channel to the Gateway that carries the API key.</summary>
internal sealed class GatewayConnection : IDisposable
{
    private const int LargestAnswer = 64 * 1024 * 1024;

    private readonly GrpcChannel _channel;
    private readonly Uri _address;

    public GatewayConnection(GatewayAddress gateway, TimeProvider time)
    {
        _address = gateway.Address;
        _channel = GrpcChannel.ForAddress(gateway.Address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromSeconds(5),
                EnableMultipleHttp2Connections = true,
                // A watched run may be silent for long; without pings a dead connection would never be noticed.
                KeepAlivePingDelay = TimeSpan.FromSeconds(30),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = LargestAnswer,
        });
        var invoker = _channel.Intercept(metadata =>
        {
            metadata.Add("x-api-key", gateway.ApiKey);
            return metadata;
        });
        Catalog = new ImageCatalog.ImageCatalogClient(invoker);
        Datasets = new Datasets.DatasetsClient(invoker);
        Reviews = new Reviews.ReviewsClient(invoker);
        Runs = new TrainingRuns.TrainingRunsClient(invoker);
        CrossValidations = new CrossValidations.CrossValidationsClient(invoker);
        Models = new ModelRegistry.ModelRegistryClient(invoker);
        Classifier = new Classifier.ClassifierClient(invoker);
        Keys = new Keys.KeysClient(invoker);
        Predictions = new Predictions.PredictionsClient(invoker);
        Audit = new Audit.AuditClient(invoker);
        Operations = new Operations.OperationsClient(invoker);
        Retries = new Retries(time);
        Time = time;
    }

    public ImageCatalog.ImageCatalogClient Catalog { get; }

    public Datasets.DatasetsClient Datasets { get; }

    public Reviews.ReviewsClient Reviews { get; }

    public TrainingRuns.TrainingRunsClient Runs { get; }

    public CrossValidations.CrossValidationsClient CrossValidations { get; }

    public ModelRegistry.ModelRegistryClient Models { get; }

    public Classifier.ClassifierClient Classifier { get; }

    public Keys.KeysClient Keys { get; }

    public Predictions.PredictionsClient Predictions { get; }

    public Audit.AuditClient Audit { get; }

    public Operations.OperationsClient Operations { get; }

    public Retries Retries { get; }

    public TimeProvider Time { get; }

    /// <summary>Connects once and hangs up, so that a wrong address is told at once and not after many repeats.</summary>
    /// <exception cref="CommandFailure">Nobody listens there.</exception>
    public async Task EnsureReachableAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(_address.IdnHost, _address.Port, patience.Token);
        }
        catch (Exception failure) when (failure is SocketException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new CommandFailure($"Nothing answers at {_address.GetLeftPart(UriPartial.Authority)}: start the stack with `./melanoma up`.");
        }
    }

    /// <summary>A call without side effects, or with ones that repeating does not double: repeated while the other side is busy or away.</summary>
    public Task<T> ReadAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken) =>
        Retries.CallAsync(call, repeatWhenUnavailable: true, cancellationToken);

    /// <summary>A call that changes something: repeated only when it was refused for load, that is, when nothing was done.</summary>
    public Task<T> ChangeAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken) =>
        Retries.CallAsync(call, repeatWhenUnavailable: false, cancellationToken);

    public void Dispose() => _channel.Dispose();
}
