using System.Net.Sockets;
using Melanoma.ServiceDefaults;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Gateway.Operations;

/// <summary>Asks every replica whose address is in discovery (<c>services__NAME__http__N</c>) whether it is ready, and what it was built from.</summary>
internal sealed class ReplicaProbe(IConfiguration configuration) : IDisposable
{
    private const int MaxReasons = 20;
    private const int MaxReasonLength = 300;
    private const int MaxAnswerBytes = 16 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    // The addresses are those of discovery already, so nothing is to be resolved again.
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectTimeout = Patience })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = MaxAnswerBytes,
    };

    /// <summary>The services of the product beside the Gateway.</summary>
    private static readonly string[] Services = ["augmentation", "inference", "ingestion", "portal", "training"];

    /// <summary>Services of the product of which no address is known.</summary>
    public IEnumerable<string> Unlisted() => Services.Except(Addresses().Select(replica => replica.Service));

    /// <summary>All replicas by service and number, asked at once; it takes three seconds at most.</summary>
    public Task<V1.ServiceReplica[]> AskAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Addresses().Select(replica => AskAsync(replica.Service, replica.Number, replica.Address, cancellationToken)));

    public void Dispose() => _client.Dispose();

    private IEnumerable<(string Service, string Number, string Address)> Addresses() =>
        from service in configuration.GetSection("services").GetChildren()
        orderby service.Key
        from replica in service.GetSection("http").GetChildren()
        where !string.IsNullOrWhiteSpace(replica.Value)
        orderby service.Key, replica.Key.Length, replica.Key
        select (service.Key, replica.Key, replica.Value);

    private async Task<V1.ServiceReplica> AskAsync(string service, string number, string address, CancellationToken cancellationToken)
    {
        var replica = new V1.ServiceReplica { Service = service, Number = number, Address = address, State = V1.ReplicaState.Silent };
        if (!Uri.TryCreate(address, UriKind.Absolute, out var root))
        {
            replica.Reasons.Add("Its address is none: see to it in the Gateway's configuration.");
            return replica;
        }

        try
        {
            using var answer = await _client.GetAsync(new Uri(root, Routing.ReadinessProbe.Path), cancellationToken);
            replica.Version = answer.Headers.TryGetValues(ProductVersion.Header, out var versions) ? string.Join(' ', versions) : "";
            replica.State = answer.IsSuccessStatusCode ? V1.ReplicaState.Ready : V1.ReplicaState.NotReady;
            if (!answer.IsSuccessStatusCode)
                replica.Reasons.AddRange(Reasons(await answer.Content.ReadAsStringAsync(cancellationToken)));
        }
        catch (Exception failure) when (failure is HttpRequestException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            replica.Reasons.Add(Explain(failure));
        }

        return replica;
    }

    private static IEnumerable<string> Reasons(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(MaxReasons)
            .Select(line => line.Length > MaxReasonLength ? line[..MaxReasonLength] : line);

    private static string Explain(Exception failure) => failure switch
    {
        HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused } } => "It does not answer: nobody listens at its address.",
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "It does not answer: its name is not known.",
        OperationCanceledException => $"It did not answer within {Patience.TotalSeconds:0} seconds.",
        _ => "It does not answer.",
    };
}
