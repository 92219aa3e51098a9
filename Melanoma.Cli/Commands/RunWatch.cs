using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Follows a run to its end. The run itself needs nobody to watch it.</summary>
internal static class RunWatch
{
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    /// <summary>Shows a run until it has ended, with the model's figures at the end; the exit code says whether it ended in a model.</summary>
    public static async Task<int> ShowAsync(Terminal terminal, GatewayConnection gateway, string runId, CancellationToken cancellationToken)
    {
        try
        {
            var (run, model) = await FollowToModelAsync(terminal, gateway, runId, cancellationToken);
            terminal.Write(RunDocument.From(run, model), console => RunScreen.WriteEnd(console, run, model));
            return run.State == RunState.Completed ? ExitCodes.Success : ExitCodes.Failure;
        }
        catch (Exception failure) when (cancellationToken.IsCancellationRequested && failure is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            await Console.Error.WriteLineAsync($"The run goes on without its watcher: `./melanoma runs watch {runId}` shows it again, `./melanoma runs cancel {runId}` stops it.");
            throw;
        }
    }

    /// <summary>Shows a run until it has ended; under --json one line for each change but the last.</summary>
    public static async Task<(Run Run, Model? Model)> FollowToModelAsync(Terminal terminal, GatewayConnection gateway, string runId, CancellationToken cancellationToken)
    {
        var run = terminal.IsJson
            ? await FollowAsync(gateway, runId, WriteUnlessEnded, Complain, cancellationToken)
            : await terminal.ProgressAsync(ProgressColumns.Plain, progress =>
            {
                var screen = new RunScreen(terminal.Human, progress);
                return FollowAsync(gateway, runId, screen.Show, screen.Complain, cancellationToken);
            });
        var model = run.HasModelVersion ? await PromotionDecision.WaitAsync(gateway, run.ModelVersion, cancellationToken) : null;
        return (run, model);
    }

    private static async Task<Run> FollowAsync(
        GatewayConnection gateway, string runId, Action<Run> onChange, Action<string> onBreak, CancellationToken cancellationToken)
    {
        var lastHeard = gateway.Time.GetTimestamp();
        var told = false;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var call = gateway.Runs.WatchRun(new GetRunRequest { RunId = runId }, cancellationToken: cancellationToken);
                await foreach (var run in call.ResponseStream.ReadAllAsync(cancellationToken))
                {
                    attempt = 0;
                    told = false;
                    lastHeard = gateway.Time.GetTimestamp();
                    onChange(run);
                    if (run.State is RunState.Completed or RunState.Failed or RunState.Cancelled)
                        return run;
                }
            }
            catch (RpcException failure) when (IsBreak(failure.StatusCode) && !cancellationToken.IsCancellationRequested && gateway.Time.GetElapsedTime(lastHeard) < LongestSilence)
            {
                // A watcher is only a watcher: the stream is opened again, the run never noticed.
                if (!told)
                    onBreak($"The connection broke ({GatewayFailure.Name(failure.StatusCode)}); the run goes on, looking for it again.");
                told = true;
            }

            await Task.Delay(Retries.Backoff(Math.Max(1, attempt)), gateway.Time, cancellationToken);
        }
    }

    private static bool IsBreak(StatusCode status) =>
        status is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Aborted;

    private static void WriteUnlessEnded(Run run)
    {
        if (run.State is not (RunState.Completed or RunState.Failed or RunState.Cancelled))
            Terminal.WriteDocument(RunDocument.From(run));
    }

    private static void Complain(string sentence) => Console.Error.WriteLine(sentence);
}
