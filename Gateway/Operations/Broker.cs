using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Melanoma.Gateway.Operations;

/// <summary>
/// The Gateway's one connection to the broker, made when somebody needs it and again when it was lost. The Gateway serves without a broker, so nothing but what
/// is about messages waits for it.
/// </summary>
internal sealed class Broker : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly ConnectionFactory? _factory;
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private IConnection? _connection;

    /// <exception cref="InvalidOperationException">The connection string <c>rabbitmq</c> is no AMQP address.</exception>
    public Broker(IConfiguration configuration)
    {
        var address = configuration.GetConnectionString("rabbitmq");
        if (string.IsNullOrWhiteSpace(address))
            return;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps"))
            throw new InvalidOperationException("The connection string 'rabbitmq' cannot be read: set ConnectionStrings__rabbitmq to an amqp:// address, or leave it out.");
        _factory = new ConnectionFactory
        {
            Uri = uri,
            // Whoever uses the connection has more to set up again than the client knows of.
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedConnectionTimeout = Patience,
            ContinuationTimeout = Patience,
            RequestedHeartbeat = TimeSpan.FromSeconds(20),
            ClientProvidedName = "gateway",
        };
    }

    /// <summary>What is said where no broker is configured.</summary>
    public const string NotConfigured = "This Gateway is told of no broker: set ConnectionStrings__rabbitmq to look after queues and failed messages.";

    /// <summary>Whether there is an address to connect to.</summary>
    public bool IsConfigured => _factory is not null;

    /// <summary>The connection, which is open unless it was lost this moment.</summary>
    /// <exception cref="InvalidOperationException">No broker is configured.</exception>
    /// <exception cref="BrokerUnreachableException">The broker does not answer, or does not let the Gateway in.</exception>
    public async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_factory is null)
            throw new InvalidOperationException(NotConfigured);
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connection is { IsOpen: true })
                return _connection;
            if (_connection is not null)
                await _connection.DisposeAsync();
            _connection = null;
            return _connection = await _factory.CreateConnectionAsync(cancellationToken);
        }
        finally
        {
            _connecting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connecting.Dispose();
    }
}

/// <summary>What happens when a broker goes away, or was never there.</summary>
internal static class BrokerTrouble
{
    /// <summary>Whether the exception says that the broker is not there or does not do what it is asked.</summary>
    public static bool Is(Exception exception) => exception is RabbitMQClientException or IOException or TimeoutException or ObjectDisposedException;

    /// <summary>A sentence for people, without addresses and names.</summary>
    public static string Explain(Exception exception) => IsRefusedEntry(exception)
        ? "The broker does not let the Gateway in: see to user and password in ConnectionStrings__rabbitmq."
        : "The broker does not answer at the moment; it is tried again.";

    private static bool IsRefusedEntry(Exception? exception) =>
        exception is not null && (exception is PossibleAuthenticationFailureException || IsRefusedEntry(exception.InnerException));
}
