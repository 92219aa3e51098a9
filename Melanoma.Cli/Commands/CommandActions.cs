using System.CommandLine;
using Grpc.Core;
using Melanoma.Cli.Connection;

namespace Melanoma.Cli.Commands;

/// <summary>The one place that turns what went wrong into a sentence and an exit code.</summary>
internal static class CommandActions
{
    public static Command Runs(this Command command, Func<CommandContext, CancellationToken, Task<int>> action)
    {
        command.SetAction((arguments, cancellationToken) => RunAsync(arguments, action, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, Func<CommandContext, CancellationToken, Task<int>> action, CancellationToken cancellationToken)
    {
        using var context = new CommandContext(arguments);
        try
        {
            return await action(context, cancellationToken);
        }
        catch (Exception failure) when (cancellationToken.IsCancellationRequested && failure is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            await Console.Error.WriteLineAsync("Cancelled.");
            return ExitCodes.Cancelled;
        }
        catch (CommandFailure failure)
        {
            await Console.Error.WriteLineAsync(failure.Message);
            return failure.ExitCode;
        }
        catch (RpcException failure)
        {
            await Console.Error.WriteLineAsync(GatewayFailure.Explain(failure));
            return ExitCodes.Failure;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(failure.Message);
            return ExitCodes.Failure;
        }
    }
}
