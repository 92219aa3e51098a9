using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>The summary of a delivery for people.</summary>
internal static class DeliveryScreen
{
    public static void Write(IAnsiConsole console, Delivery delivery, IReadOnlyList<string> unreadable)
    {
        var table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape($"Delivery {delivery.Name}")).HideHeaders()
            .AddColumn("what").AddColumn(new TableColumn("count").RightAligned()).AddColumn("meaning");
        table.AddRow("Files", Number(delivery.Files + unreadable.Count), "");
        table.AddRow("Stored", Number(delivery.Stored), "new pictures");
        table.AddRow("Duplicates", Number(delivery.Duplicates), "the catalogue had these bytes already");
        table.AddRow("Refused", Number(delivery.Refused + unreadable.Count), delivery.Refused + unreadable.Count == 0 ? "" : "reasons below");
        table.AddRow("Conflicts", Number(delivery.Conflicts), delivery.Conflicts == 0 ? "" : "pictures whose labels contradict each other; honest datasets leave them out");
        console.Write(table);
        if (delivery.Refusals.Count + unreadable.Count > 0)
        {
            var refusals = new Table().Border(TableBorder.Rounded).Title("Refused").AddColumn(new TableColumn("files").RightAligned()).AddColumn("because");
            foreach (var refusal in delivery.Refusals)
                refusals.AddRow(Number(refusal.Count), Markup.Escape(refusal.Reason));
            foreach (var line in unreadable)
                refusals.AddRow("1", Markup.Escape(line));
            console.Write(refusals);
        }

        if (delivery.Classes.Count > 0)
        {
            console.MarkupLine("[bold]Pictures per class folder[/]");
            Bars.Write(console, [.. delivery.Classes.Select(item => (item.Diagnosis, (double)item.Count))], Number);
        }

        console.MarkupLineInterpolated($"[grey]Delivery {delivery.DeliveryId}[/]");
    }

    private static string Number(int value) => FormattableString.Invariant($"{value:N0}");

    private static string Number(double value) => FormattableString.Invariant($"{value:N0}");
}
