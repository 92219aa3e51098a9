using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>The summary of a delivery for people.</summary>
internal static class DeliveryScreen
{
    public static void Write(IAnsiConsole console, Delivery delivery)
    {
        var table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape($"Delivery {delivery.Name}")).HideHeaders()
            .AddColumn("what").AddColumn(new TableColumn("count").RightAligned()).AddColumn("meaning");
        table.AddRow("Files", Number(delivery.Files), "");
        table.AddRow("Stored", Number(delivery.Stored), "new pictures");
        table.AddRow("Duplicates", Number(delivery.Duplicates), "the catalogue had these bytes already");
        table.AddRow("Tables", Number(delivery.Metadata), delivery.Metadata == 0 ? "" : "read for labels and metadata");
        table.AddRow("Waiting", Number(delivery.Waiting), delivery.Waiting == 0 ? "" : "still being copied; deliver them again when they are complete");
        table.AddRow("Refused", Number(delivery.Refused), delivery.Refused == 0 ? "" : "reasons below");
        table.AddRow("Conflicts", Number(delivery.Conflicts), delivery.Conflicts == 0 ? "" : "pictures whose labels contradict each other; honest datasets leave them out");
        table.AddRow("Near-duplicates", Number(delivery.NearDuplicates), delivery.NearDuplicates == 0 ? "" : "the same picture as another one, with other bytes");
        console.Write(table);
        if (delivery.Refusals.Count > 0)
        {
            var refusals = new Table().Border(TableBorder.Rounded).Title("Refused").AddColumn(new TableColumn("files").RightAligned()).AddColumn("because");
            foreach (var refusal in delivery.Refusals)
                refusals.AddRow(Number(refusal.Count), Markup.Escape(refusal.Reason));
            console.Write(refusals);
            console.MarkupLineInterpolated($"[grey]./melanoma deliveries files {delivery.DeliveryId} --outcome refused[/] names them and says what to do.");
        }

        if (delivery.Classes.Count > 0)
        {
            console.MarkupLine("[bold]Pictures per class folder[/]");
            Bars.Write(console, [.. delivery.Classes.Select(item => (item.Diagnosis, (double)item.Count))], Number);
        }

        WriteFindings(console, delivery);
        console.MarkupLineInterpolated($"[grey]Delivery {delivery.DeliveryId}[/]");
    }

    private static void WriteFindings(IAnsiConsole console, Delivery delivery)
    {
        foreach (var finding in delivery.Findings)
            console.MarkupLineInterpolated($"[yellow]![/] {finding}");
        if (delivery.Quality.Count > 0)
        {
            console.MarkupLine("[bold]Doubts about the quality of pictures[/]");
            Bars.Write(console, [.. delivery.Quality.Select(item => (item.Flag, (double)item.Count))], Number);
        }

        if (delivery.DatasetChange is not { } change)
            return;
        var against = change.HasComparedWith ? $"Against dataset {change.ComparedWith}" : "The first dataset";
        console.MarkupLineInterpolated($"[bold]{against}[/]: {Number(change.Added)} pictures more, {Number(change.Removed)} fewer,");
        console.MarkupLineInterpolated($"{Number(change.Relabelled)} with another label, {Number(change.Moved)} in another split");
        if (change.AddedClasses.Count > 0)
            Bars.Write(console, [.. change.AddedClasses.Select(item => (item.Diagnosis, (double)item.Count))], Number);
        if (change.RunProposed)
            console.MarkupLine("Enough is new for another training run: [bold]melanoma datasets create[/], then [bold]melanoma train[/].");
    }

    private static string Number(int value) => FormattableString.Invariant($"{value:N0}");

    private static string Number(double value) => FormattableString.Invariant($"{value:N0}");
}
