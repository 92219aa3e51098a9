using System.CommandLine;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma models report</c>: the report of a version as files.</summary>
internal static class ModelReportCommand
{
    private static readonly Argument<string> Version = new("VERSION") { Description = "The version's number." };

    private static readonly Option<string?> Into =
        new("--into") { Description = "Folder to write to, made if it is not there; by default report-VERSION.", HelpName = "FOLDER" };

    public static Command Create() =>
        new Command("report", "Write a version's report: report.html, report.json and its plots as PNG.") { Version, Into }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new GetModelReportRequest { Version = context.Arguments.GetRequiredValue(Version) };
        var folder = context.Arguments.GetValue(Into) ?? $"report-{Path.GetFileName(request.Version)}";
        var gateway = await context.ConnectAsync(cancellationToken);
        var files = new List<string>();
        using var call = gateway.Models.GetModelReport(request, cancellationToken: cancellationToken);
        await foreach (var file in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            // The folder comes with the first file: a version that is not there leaves none.
            Directory.CreateDirectory(folder);
            var path = Path.Combine(folder, Path.GetFileName(file.Name));
            await using var written = new DownloadFile(path);
            await written.WriteAsync(file.Content.Memory, cancellationToken);
            await written.FinishAsync();
            files.Add(path);
        }

        context.Terminal.Write(new ModelReportDocument(request.Version, files), console => console.MarkupLineInterpolated(
            $"The report of version [bold]{request.Version}[/] is in {folder}: open {Path.Combine(folder, "report.html")} in a browser; {files.Count} files."));
        return ExitCodes.Success;
    }
}

/// <summary>What was written where.</summary>
internal sealed record ModelReportDocument(string Version, IReadOnlyList<string> Files);
