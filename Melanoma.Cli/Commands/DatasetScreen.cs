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
            $"{dataset.Groups:N0} lesion groups, {dataset.GroupsInTwoSplits:N0} of them in two splits; {dataset.Parked:N0} pictures left out because their labels contradict each other."));
        if (dataset.Kind == DatasetKind.Reproduction)
            console.MarkupLine("[yellow]A reproduction of the original notebook's protocol: what is measured on it says nothing about new patients, and its models are never served.[/]");
        if (dataset.Licences.Count > 0)
            console.WriteLine($"Only images under these licences: {string.Join(", ", dataset.Licences)}.");
        if (dataset.Forgotten > 0)
            console.MarkupLineInterpolated($"[red]{dataset.Forgotten} of its pictures were forgotten since: it can no longer be trained on.[/]");
        foreach (var warning in dataset.Warnings)
            console.MarkupLineInterpolated($"[red]{warning}[/]");
        foreach (var rule in dataset.Rules)
            console.MarkupLineInterpolated($"[grey]  {rule}[/]");
    }

    /// <summary>What must not be overlooked, in a word or two.</summary>
    public static string AlarmMarkup(Dataset dataset) => dataset switch
    {
        { Forgotten: > 0 } => $"[red]{Number(dataset.Forgotten)} forgotten[/]",
        { Warnings.Count: > 0 } => $"[red]{Number(dataset.Warnings.Count)} warnings[/]",
        _ => "",
    };

    private static int Count(SplitSummary split, string diagnosis) => split.Classes.FirstOrDefault(item => item.Diagnosis == diagnosis)?.Count ?? 0;

    private static string Number(int value) => FormattableString.Invariant($"{value:N0}");
}
