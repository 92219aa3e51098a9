using System.Net;
using System.Net.Sockets;

namespace Melanoma.Testing;

/// <summary>Loopback ports nobody listens on.</summary>
public static class FreePort
{
    private static readonly HashSet<int> Given = [];

    /// <summary>
    /// Returns a port from 20000 to 31999: below the kernel's ephemeral range, so that no outgoing connection takes it before the service does. Never the same twice.
    /// </summary>
    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            lock (Given)
            {
                if (!Given.Add(port))
                    continue;
            }

            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken by somebody else: the next draw is another port.
            }
        }
    }
}
