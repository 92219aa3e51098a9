using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>A cross-validation for people: a line for each fold, and all together.</summary>
internal static class CrossValidationScreen
{
    public static void Write(IAnsiConsole console, CrossValidation shown)
    {
        console.MarkupLineInterpolated(
            $"Cross-validation [bold]{shown.CrossValidationId}[/]: recipe {shown.Recipe}, dataset {shown.DatasetId}, {shown.Epochs} epochs, seed {shown.Seed}");
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in (ReadOnlySpan<string>)["fold", "state", "images", "accuracy", "balanced accuracy", "melanoma AUC", "HAM10000: images", "balanced accuracy", "melanoma AUC"])
            table.AddColumn(header);
        foreach (var run in shown.Folds)
            table.AddRow([FormattableString.Invariant($"{run.Fold}"), RunDocument.NameOf(run.State), .. Cells(shown.Figures?.Folds.FirstOrDefault(fold => fold.Fold == run.Fold))]);
        if (shown.Figures is { } figures)
            table.AddRow(["[bold]all[/]", "", .. Cells(figures.All)]);
        console.Write(table);
        foreach (var run in shown.Folds.Where(run => run.Error.Length > 0))
            console.MarkupLineInterpolated($"[red]Fold {run.Fold}:[/] {run.Error}");
        foreach (var warning in shown.DatasetWarnings)
            console.MarkupLineInterpolated($"[red]{warning}[/]");
        if (shown.Figures is not null)
            console.WriteLine("Balanced accuracy over the diagnoses that have images; 95 % intervals from resampled lesions. Nothing was chosen on a fold that was held out.");
        console.WriteLine("For research, not a medical device.");
    }

    public static string Say(CrossValidation shown) => FormattableString.Invariant(
        $"Folds: {shown.Folds.Count(run => run.State == RunState.Completed)} of {shown.Folds.Count} done, {shown.Folds.Count(run => run.State == RunState.Training)} training");

    public static string Say(Estimate? figure) => figure is null ? "" : FormattableString.Invariant($"{figure.Value:0.000} [[{figure.Low:0.000}, {figure.High:0.000}]]");

    private static string[] Cells(FoldFigures? figures) => figures is null
        ? ["", "", "", "", "", "", ""]
        : [
            FormattableString.Invariant($"{figures.Diagnoses.Images:N0}"), Say(figures.Diagnoses.Accuracy), Say(figures.Diagnoses.BalancedAccuracy), Say(figures.Diagnoses.MelanomaAuc),
            FormattableString.Invariant($"{figures.Ham10000.Images:N0}"), Say(figures.Ham10000.BalancedAccuracy), Say(figures.Ham10000.MelanomaAuc),
        ];
}
