using Melanoma.Cli.Commands;

namespace Melanoma.Cli.Connection;

/// <summary>Where the Gateway is and the key that it knows the caller by.</summary>
internal sealed record GatewayAddress(Uri Address, string ApiKey)
{
    /// <summary>
    /// The address: the option, else MELANOMA_ADDRESS, else the local stack. The key: MELANOMA_API_KEY, else the local stack's, which is never sent
    /// anywhere but to the local stack.
    /// </summary>
    /// <exception cref="CommandFailure">One of the two cannot be found, or the address is none.</exception>
    public static GatewayAddress Find(string? option, LocalStack? local) =>
        Find(option ?? Variable("MELANOMA_ADDRESS"), Variable("MELANOMA_API_KEY"), local);

    internal static GatewayAddress Find(string? address, string? apiKey, LocalStack? local)
    {
        var uri = address is null ? local?.Grpc : Parse(address);
        if (uri is null)
            throw new CommandFailure("Nothing is running here: start it with `./melanoma up`, or name another Gateway by --address and MELANOMA_API_KEY.");
        apiKey ??= local is not null && IsSame(uri, local.Grpc) ? local.ApiKey : null;
        return apiKey is null
            ? throw new CommandFailure($"There is no API key for {uri.GetLeftPart(UriPartial.Authority)}: set MELANOMA_API_KEY.")
            : new GatewayAddress(uri, apiKey);
    }

    private static Uri Parse(string address) =>
        Uri.TryCreate(address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new CommandFailure($"'{address}' is no address; it looks like http://localhost:8081.");

    private static bool IsSame(Uri one, Uri other) =>
        one.Port == other.Port && (one.Host == other.Host || (one.IsLoopback && other.IsLoopback));

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
