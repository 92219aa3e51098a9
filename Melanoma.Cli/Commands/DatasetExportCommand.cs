using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma datasets export</c>: a snapshot as a ZIP.</summary>
internal static class DatasetExportCommand
{
    private const string SizeHeaderName = "melanoma-export-bytes";

    private static readonly Argument<int> Number = new("NUMBER") { Description = "The dataset's number." };
    private static readonly Argument<string> FileName =
        new("FILE.zip") { Description = "Where to write it; a file that is there is replaced once the new one is whole." };
    private static readonly Option<bool> WithoutImages = new("--without-images") { Description = "Only the table and the README." };

    public static Command Create() =>
        new Command("export", "Write a dataset as a ZIP: README.txt, dataset.csv and the images.") { Number, FileName, WithoutImages }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new ExportDatasetRequest
        {
            DatasetId = context.Arguments.GetRequiredValue(Number),
            WithoutImages = context.Arguments.GetValue(WithoutImages),
        };
        var path = context.Arguments.GetRequiredValue(FileName);
        var gateway = await context.ConnectAsync(cancellationToken);
        var bytes = await context.Terminal.ProgressAsync(ProgressColumns.ForBytes, async progress =>
        {
            var bar = progress.AddTask($"Exporting dataset {request.DatasetId}");
            bar.IsIndeterminate = true;
            var length = await DownloadAsync(gateway, request, path, expected =>
            {
                bar.IsIndeterminate = false;
                bar.MaxValue = Math.Max(1, expected);
            }, count => bar.Increment(count), cancellationToken);
            bar.Value = bar.MaxValue;
            return length;
        });
        context.Terminal.Write(
            new DatasetExportDocument(request.DatasetId, path, bytes),
            console => console.WriteLine(FormattableString.Invariant(
                $"Dataset {request.DatasetId} is in {path} ({bytes:N0} bytes); its README.txt says what the licences are.")));
        return ExitCodes.Success;
    }

    private static async Task<long> DownloadAsync(
        GatewayConnection gateway, ExportDatasetRequest request, string path, Action<long> expected, Action<int> received, CancellationToken cancellationToken)
    {
        await using var file = new DownloadFile(path);
        using var call = gateway.Datasets.ExportDataset(request, cancellationToken: cancellationToken);
        var headers = await call.ResponseHeadersAsync;
        if (long.TryParse(headers.GetValue(SizeHeaderName), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            expected(size);
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            await file.WriteAsync(chunk.Bytes.Memory, cancellationToken);
            received(chunk.Bytes.Length);
        }

        var length = file.Length;
        await file.FinishAsync();
        return length;
    }
}

/// <summary>What was written where.</summary>
internal sealed record DatasetExportDocument(int Dataset, string File, long Bytes);
