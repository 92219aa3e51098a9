using System.CommandLine;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;

namespace Melanoma.Cli.Commands;

/// <summary>What every command has: its arguments, the terminal, and the way to the Gateway.</summary>
internal sealed class CommandContext(ParseResult arguments) : IDisposable
{
    private GatewayConnection? _gateway;

    public ParseResult Arguments { get; } = arguments;

    public Terminal Terminal { get; } = new(arguments.GetValue(CommandLine.Json));

    /// <summary>Finds the Gateway and makes sure that something listens there.</summary>
    /// <exception cref="CommandFailure">There is no address, no key, or nobody answers.</exception>
    public async Task<GatewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        _gateway ??= new GatewayConnection(GatewayAddress.Find(Arguments.GetValue(CommandLine.Address), LocalStack.Read()), TimeProvider.System);
        await _gateway.EnsureReachableAsync(cancellationToken);
        return _gateway;
    }

    public void Dispose() => _gateway?.Dispose();
}
