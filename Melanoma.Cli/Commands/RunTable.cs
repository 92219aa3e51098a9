using System.Globalization;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>One run with its epochs, for people.</summary>
internal static class RunTable
{
    public static void Write(IAnsiConsole console, Run run)
    {
        console.MarkupLineInterpolated(
            $"Run [bold]{run.RunId}[/]: recipe {run.Recipe}, dataset {run.DatasetId}, {RunDocument.NameOf(run.Protocol)} protocol, seed {run.Seed}, [bold]{RunDocument.NameOf(run.State)}[/]");
        if (run.HasFold)
            console.WriteLine($"It holds out fold {run.Fold} of cross-validation {run.CrossValidationId}.");
        if (run.HasStartVersion)
            console.WriteLine($"It starts from the weights of model version {run.StartVersion}.");
        if (run.Views > 1)
            console.WriteLine($"Its model looks at a picture in {run.Views} turned and mirrored views.");
        if (run.Augmentation is { Batches: > 0 } augmentation)
        {
            console.WriteLine(FormattableString.Invariant($"Augmentation: {augmentation.BatchesDone} of {augmentation.Batches} batches, {augmentation.Variants:N0} variants."));
            foreach (var share in augmentation.Workers)
                console.WriteLine(FormattableString.Invariant($"  {share.Worker}: {share.Batches} batches"));
        }

        if (run.Progress.Count > 0)
        {
            var table = new Table().Border(TableBorder.Rounded);
            foreach (var header in (ReadOnlySpan<string>)["epoch", "loss", "accuracy", "val loss", "val accuracy", "balanced", "learning rate", "images/s", "seconds", "worker"])
                table.AddColumn(header);
            foreach (var epoch in run.Progress)
            {
                table.AddRow(
                    epoch.Epoch.ToString(CultureInfo.InvariantCulture), Four(epoch.TrainingLoss), Four(epoch.TrainingAccuracy), Four(epoch.ValidationLoss),
                    Four(epoch.ValidationAccuracy), Four(epoch.ValidationBalancedAccuracy), epoch.LearningRate.ToString("0.########", CultureInfo.InvariantCulture),
                    epoch.ImagesPerSecond.ToString("0.0", CultureInfo.InvariantCulture), epoch.Seconds.ToString("0.0", CultureInfo.InvariantCulture), Markup.Escape(epoch.Worker));
            }

            console.Write(table);
        }

        if (run.SecondsLeft > 0)
            console.WriteLine($"Time left: {ProgressColumns.Duration(run.SecondsLeft)}.");
        if (run.HasModelVersion)
            console.WriteLine($"It ended in model version {run.ModelVersion}: `./melanoma models show {run.ModelVersion}`.");
        if (run.Error.Length > 0)
            console.MarkupLineInterpolated($"[red]{run.Error}[/]");
    }

    private static string Four(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
