using System.Globalization;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>The review queue and its history for people.</summary>
internal static class ReviewScreen
{
    public static void WriteList(IAnsiConsole console, ReviewListDocument list)
    {
        if (list.Items.Count == 0)
        {
            console.WriteLine("There is nothing to review.");
            return;
        }

        var table = NewTable("item", "kind", "state", "pictures", "why", "perhaps");
        foreach (var item in list.Items)
        {
            table.AddRow(
                item.Id, item.Kind, item.State, Markup.Escape(string.Join(", ", item.Images.Select(NameOf).Distinct())), Markup.Escape(item.Reason),
                Markup.Escape(Labels(item.Suggested)));
        }

        console.Write(table);
        if (list.More)
            console.WriteLine(WhereTheOthersAre(list.Items.Count));
    }

    public static void WriteNext(IAnsiConsole console, NextReviewDocument next)
    {
        if (next.Item is not { } item)
        {
            console.WriteLine("There is nothing to review.");
            return;
        }

        console.MarkupLineInterpolated($"[bold]{item.Kind}[/] {item.Id}{(item.State == "deferred" ? " (deferred)" : "")}, {next.Waiting} more are open");
        console.WriteLine(item.Reason);
        if (item.Suggested.Count > 0)
            console.MarkupLineInterpolated($"Perhaps it is [bold]{Labels(item.Suggested)}[/].");
        var pictures = NewTable("picture", "image", "ISIC id", "first delivered as", "size", "label");
        foreach (var (index, image) in item.Images.Index())
        {
            var label = image.State == "settled" ? Labels(image.Label) : image.State;
            pictures.AddRow(
                Number(index + 1), image.Id, Markup.Escape(string.Join(", ", image.IsicIds)), Markup.Escape(image.FirstPath),
                string.Create(CultureInfo.InvariantCulture, $"{image.Width} x {image.Height}"),
                Markup.Escape(image.Forgotten ? "forgotten" : image.Excluded ? "excluded" : label));
        }

        console.Write(pictures);
        var places = item.Images.Index().ToDictionary(image => image.Item.Id, image => Number(image.Index + 1));
        var claims = NewTable("rank", "who says so", "label", "picture", "since");
        foreach (var claim in item.Claims)
        {
            claims.AddRow(
                claim.Rank, Markup.Escape(claim.ClaimedBy), Markup.Escape(Labels(claim.Diagnoses)), places.GetValueOrDefault(claim.Image, claim.Image),
                Time(claim.ClaimedAt));
        }

        console.Write(claims);
        foreach (var file in next.Files ?? [])
            console.MarkupLineInterpolated($"Written to [bold]{file}[/]");
        if (item.Kind == ReviewItemDocument.LesionViews)
            console.MarkupLineInterpolated($"[grey]./melanoma reviews confirm {item.Id} if both show one lesion, which is for ever; else ./melanoma reviews reject {item.Id}[/]");
        else
            console.MarkupLineInterpolated($"[grey]./melanoma reviews settle DIAGNOSIS --item {item.Id}[/]");
    }

    public static void WriteOutcome(IAnsiConsole console, ReviewOutcomeDocument outcome)
    {
        var effect = string.Create(
            CultureInfo.InvariantCulture,
            $"{outcome.Images} pictures; {outcome.ClosedItems} review items closed, {outcome.ReopenedItems} opened again, {outcome.OpenItems} are open.");
        if (outcome.Decision is not { } decision)
        {
            console.WriteLine($"It would be about {effect} Nothing was changed.");
            WriteJoined(console, outcome);
            return;
        }

        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Decision {decision.Id} ({Describe(decision)}): {effect}"));
        WriteJoined(console, outcome);
        if (decision.Undoes is null && decision.Action != "confirm")
            console.MarkupLineInterpolated($"[grey]./melanoma reviews undo {decision.Id} takes it back.[/]");
    }

    private static void WriteJoined(IAnsiConsole console, ReviewOutcomeDocument outcome)
    {
        if (outcome.JoinedSplit is { } split)
            console.WriteLine($"The lesion is in {split} from then on.");
        if (outcome.DividedDatasets.Count > 0)
            console.WriteLine($"Datasets that have it in two splits, and say so: {string.Join(", ", outcome.DividedDatasets)}.");
    }

    public static void WriteHistory(IAnsiConsole console, DecisionListDocument list)
    {
        if (list.Decisions.Count == 0)
        {
            console.WriteLine("Nothing has been decided yet.");
            return;
        }

        var table = NewTable("decision", "when", "who", "what", "pictures", "why");
        foreach (var decision in list.Decisions)
        {
            var undone = decision.UndoneBy is { } by ? string.Create(CultureInfo.InvariantCulture, $" (undone by {by})") : "";
            table.AddRow(
                Number(decision.Id), Time(decision.DecidedAt), Markup.Escape(decision.DecidedBy), Markup.Escape(Describe(decision) + undone),
                Number(decision.Images), Markup.Escape(decision.Comment));
        }

        console.Write(table);
    }

    /// <summary>How to see the items behind those that were listed.</summary>
    internal static string WhereTheOthersAre(int listed) => listed < ReviewCommands.LargestPage
        ? string.Create(CultureInfo.InvariantCulture, $"There are more: `./melanoma reviews list --limit {Math.Min(ReviewCommands.LargestPage, 2 * listed)}`.")
        : "There are more, and no more are listed at once: --kind and --state narrow them down, and what is decided makes room.";

    private static string Describe(DecisionDocument decision) => decision switch
    {
        { Undoes: { } undone } => string.Create(CultureInfo.InvariantCulture, $"undo {undone}"),
        { Diagnoses.Count: > 0 } => $"{decision.Action} {Labels(decision.Diagnoses)}",
        _ => decision.Action,
    };

    private static Table NewTable(params ReadOnlySpan<string> headers)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in headers)
            table.AddColumn(new TableColumn(header) { NoWrap = header is "item" or "image" });
        return table;
    }

    private static string NameOf(ImageDocument image) => image.IsicIds.Count > 0 ? string.Join(", ", image.IsicIds) : image.FirstPath;

    private static string Labels(IReadOnlyList<string> diagnoses) => string.Join(" or ", diagnoses);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset? time) => time?.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture) ?? "";
}
