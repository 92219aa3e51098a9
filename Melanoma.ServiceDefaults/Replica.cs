namespace Melanoma.ServiceDefaults;

/// <summary>This process among its replicas.</summary>
public static class Replica
{
    /// <summary>A name that no other process has: the host's name, the process id and a random part, for leases, queues and logs.</summary>
    public static string Name { get; } = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}".ToLowerInvariant();
}
