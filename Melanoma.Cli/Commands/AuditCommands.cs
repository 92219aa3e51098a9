using System.CommandLine;
using Grpc.Core;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma audit</c>: whether the audit of answers is whole, and its rows as a file.</summary>
internal static class AuditCommands
{
    private static readonly Option<long?> NotedPosition =
        new("--noted-position") { Description = "A position whose hash you noted: the chain must still have that hash there. With --noted-hash.", HelpName = "N" };

    private static readonly Option<string?> NotedHash = new("--noted-hash") { Description = "The hash that you noted.", HelpName = "HASH" };

    public static Command Create() =>
        new Command("audit", "Verify the audit of all answers, or write it to a file.")
        {
            new Command("verify", "Read the whole chain; the exit code is 1 when anything was changed, taken out or put in.") { NotedPosition, NotedHash }.Runs(VerifyAsync),
            AuditExportCommand.Create(),
        };

    private static async Task<int> VerifyAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new VerifyAuditRequest();
        if (context.Arguments.GetValue(NotedPosition) is { } position)
            request.NotedPosition = position;
        if (context.Arguments.GetValue(NotedHash) is { } hash)
            request.NotedHash = hash;
        var gateway = await context.ConnectAsync(cancellationToken);
        var (rows, verdict) = await context.Terminal.ProgressAsync(ProgressColumns.ForItems("rows"), async progress =>
        {
            var bar = progress.AddTask("Verifying");
            using var call = gateway.Audit.VerifyAudit(request, cancellationToken: cancellationToken);
            var last = new VerifyAuditResponse();
            await foreach (var told in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                last = told;
                (bar.MaxValue, bar.Value) = (Math.Max(1, told.Rows), told.RowsChecked);
            }

            bar.Value = bar.MaxValue;
            return (last.RowsChecked, last.Verdict ?? throw new CommandFailure("The verification ended without a verdict; repeat it."));
        });
        context.Terminal.Write(AuditVerdictDocument.From(rows, verdict), console => Write(console, rows, verdict));
        return verdict.Intact ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static void Write(IAnsiConsole console, long rows, AuditVerdict verdict)
    {
        if (verdict.Intact)
            console.MarkupLineInterpolated($"[green]The audit is whole[/]: {rows:N0} rows, positions {verdict.FirstPosition} to {verdict.LastPosition}.");
        else
            console.MarkupLineInterpolated($"[red]The audit is broken[/]: {verdict.DefectCount:N0} defects in {rows:N0} rows.");
        foreach (var defect in verdict.Defects)
            console.MarkupLineInterpolated($"[red]{defect.Message}[/]");
        if (verdict.DefectCount > verdict.Defects.Count)
            console.MarkupLineInterpolated($"… and {verdict.DefectCount - verdict.Defects.Count:N0} more.");
        if (verdict.OldestUnsealed is { } oldest)
            console.MarkupLineInterpolated($"{verdict.UnsealedRows:N0} rows wait for their seal, the oldest since {oldest.ToDateTimeOffset():u}.");
        console.WriteLine($"Note elsewhere: --noted-position {verdict.LastPosition} --noted-hash {verdict.LastHash}");
    }
}

/// <summary>What a verification found.</summary>
internal sealed record AuditVerdictDocument(
    bool Intact, long Rows, long DefectCount, IReadOnlyList<AuditDefectDocument> Defects, long FirstPosition, long LastPosition, string LastHash, long UnsealedRows,
    DateTimeOffset? OldestUnsealed)
{
    public static AuditVerdictDocument From(long rows, AuditVerdict verdict) => new(
        verdict.Intact, rows, verdict.DefectCount, [.. verdict.Defects.Select(AuditDefectDocument.From)], verdict.FirstPosition, verdict.LastPosition, verdict.LastHash,
        verdict.UnsealedRows, verdict.OldestUnsealed?.ToDateTimeOffset());
}

/// <summary>One thing that is wrong; position and prediction are missing where they are not known.</summary>
internal sealed record AuditDefectDocument(string Kind, long? Position, string? PredictionId, string Message)
{
    public static AuditDefectDocument From(AuditDefect defect) => new(
        defect.Kind.ToString(), defect.Position == 0 ? null : defect.Position, defect.PredictionId.Length == 0 ? null : defect.PredictionId, defect.Message);
}
