using System.Net;
using System.Net.Sockets;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Gateway.Operations;

/// <summary>A port that leads to a server of this machine while it is open, and to nobody else.</summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private CancellationTokenSource? _open;
    private Task _serving = Task.CompletedTask;

    public int Port { get; } = FreePort.Next();

    /// <summary>Lets connections through from now on.</summary>
    public void Open(int target)
    {
        var listener = new TcpListener(IPAddress.Loopback, Port);
        listener.Start();
        _open = new CancellationTokenSource();
        _serving = ServeAsync(listener, target, _open.Token);
    }

    /// <summary>Ends every connection and lets none through.</summary>
    public async Task CutAsync()
    {
        if (_open is not null)
            await _open.CancelAsync();
        await _serving;
        _open?.Dispose();
        _open = null;
    }

    public async ValueTask DisposeAsync() => await CutAsync();

    private static async Task ServeAsync(TcpListener listener, int target, CancellationToken cancellationToken)
    {
        var relayed = new List<Task>();
        using (listener)
        {
            try
            {
                while (true)
                    relayed.Add(RelayAsync(await listener.AcceptTcpClientAsync(cancellationToken), target, cancellationToken));
            }
            catch (OperationCanceledException)
            {
                // It was cut.
            }
        }

        await Task.WhenAll(relayed);
    }

    private static async Task RelayAsync(TcpClient client, int target, CancellationToken cancellationToken)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, target, cancellationToken);
                var (one, other) = (client.GetStream(), server.GetStream());
                await Task.WhenAny(one.CopyToAsync(other, cancellationToken), other.CopyToAsync(one, cancellationToken));
            }
            catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
            {
                // Either side is gone.
            }
        }
    }
}
