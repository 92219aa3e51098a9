using Melanoma.Cli.Output;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>A dataset for people: classes by split, and what made it.</summary>
internal static class DatasetScreen
{
    private static readonly Split[] Order = [Split.Train, Split.Validation, Split.Test];

    public static void Write(IAnsiConsole console, Dataset dataset)
    {
        var splits = Order.Select(split => dataset.Splits.FirstOrDefault(item => item.Split == split) ?? new SplitSummary { Split = split }).ToArray();
        var table = new Table().Border(TableBorder.Rounded)
            .Title(Markup.Escape($"Dataset {dataset.DatasetId} ({DatasetDocument.NameOf(dataset.Kind)})"))
            .AddColumn("diagnosis");
        foreach (var split in splits)
            table.AddColumn(new TableColumn(split.Split.ToString().ToLowerInvariant()).RightAligned());
        table.AddColumn(new TableColumn("all").RightAligned()).AddColumn("");
        var totals = Diagnoses.Names.ToDictionary(name => name, name => splits.Sum(split => Count(split, name)));
        foreach (var name in Diagnoses.Names)
        {
            table.AddRow([
                name, .. splits.Select(split => Number(Count(split, name))), Number(totals[name]),
                $"[teal]{Bars.Draw(totals[name], totals.Values.Max())}[/]"]);
        }

        table.AddRow(["[bold]all[/]", .. splits.Select(split => $"[bold]{Number(split.Images)}[/]"), $"[bold]{Number(dataset.Images)}[/]", ""]);
        console.Write(table);
        console.WriteLine(FormattableString.Invariant(
            $"{dataset.Groups:N0} lesion groups, {dataset.GroupsInTwoSplits:N0} of them in two {(dataset.Folds.Count > 0 ? "folds" : "splits")}; {dataset.Parked:N0} pictures parked because their labels contradict each other."));
        if (dataset.LeftOut.Any(part => part.Count > 0))
            console.WriteLine($"Left out: {string.Join(", ", dataset.LeftOut.Where(part => part.Count > 0).Select(SayLeftOut))}.");
        if (dataset.Kind == DatasetKind.Reproduction)
            console.MarkupLine("[yellow]A reproduction of the original notebook's protocol: what is measured on it says nothing about new patients, and its models are never served.[/]");
        if (dataset.Folds.Count > 0)
            console.WriteLine($"Folds: {string.Join(", ", dataset.Folds.Select(fold => FormattableString.Invariant($"{fold.Fold} ({fold.Images:N0} images of {fold.Groups:N0} lesions)")))}.");
        if (dataset.Licences.Count > 0)
            console.WriteLine($"Only images under these licences: {string.Join(", ", dataset.Licences)}.");
        if (dataset.Forgotten > 0)
            console.MarkupLineInterpolated($"[red]{dataset.Forgotten} of its pictures were forgotten since: it can no longer be trained on.[/]");
        foreach (var warning in dataset.Warnings)
            console.MarkupLineInterpolated($"[red]{warning}[/]");
        WriteShortcuts(console, dataset.Shortcuts);
        foreach (var rule in dataset.Rules)
            console.MarkupLineInterpolated($"[grey]  {rule}[/]");
    }

    private static string SayLeftOut(LeftOut part) => part.Reason switch
    {
        "conflict" => $"{Number(part.Count)} whose labels contradict each other",
        "unlabelled" => $"{Number(part.Count)} without a label",
        "excluded" => $"{Number(part.Count)} excluded by a reviewer",
        "forgotten" => $"{Number(part.Count)} forgotten",
        "licence" => $"{Number(part.Count)} under another licence",
        _ => $"{Number(part.Count)} for the reason {part.Reason}",
    };

    private static void WriteShortcuts(IAnsiConsole console, ShortcutReport? shortcuts)
    {
        if (shortcuts is null || shortcuts.Properties.Count == 0)
            return;
        var table = new Table().Border(TableBorder.Rounded).Title("How far the class can be told from what is no medicine")
            .AddColumn("property").AddColumn(new TableColumn("Cramer's V").RightAligned()).AddColumn("tells best").AddColumn(new TableColumn("V").RightAligned());
        foreach (var property in shortcuts.Properties)
            table.AddRow(Markup.Escape(property.Property), Two(property.CramersV), Markup.Escape(property.StrongestDiagnosis), Two(property.StrongestCramersV));
        console.Write(table);
        console.WriteLine(FormattableString.Invariant(
            $"A classifier that sees only these reaches a balanced accuracy of {shortcuts.ClassifierBalancedAccuracy:0.000}; chance is {shortcuts.ChanceBalancedAccuracy:0.000}."));
    }

    private static string Two(double value) => FormattableString.Invariant($"{value:0.00}");

    /// <summary>What must not be overlooked, in a word or two.</summary>
    public static string AlarmMarkup(Dataset dataset) => dataset switch
    {
        { Forgotten: > 0 } => $"[red]{Number(dataset.Forgotten)} forgotten[/]",
        { Warnings.Count: > 0 } => $"[red]{Number(dataset.Warnings.Count)} {(dataset.Warnings.Count == 1 ? "warning" : "warnings")}[/]",
        _ => "",
    };

    private static int Count(SplitSummary split, string diagnosis) => split.Classes.FirstOrDefault(item => item.Diagnosis == diagnosis)?.Count ?? 0;

    private static string Number(int value) => FormattableString.Invariant($"{value:N0}");
}
