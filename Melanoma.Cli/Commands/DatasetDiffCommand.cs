using System.CommandLine;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma datasets diff</c>: what differs between two snapshots.</summary>
internal static class DatasetDiffCommand
{
    private const int ShownAtMost = 50;

    private static readonly Argument<int> From = new("A") { Description = "The dataset to compare with." };
    private static readonly Argument<int> To = new("B") { Description = "The dataset that is looked at." };

    public static Command Create() => new Command("diff", "What dataset B has that A does not, and what changed.") { From, To }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var (from, to) = (context.Arguments.GetRequiredValue(From), context.Arguments.GetRequiredValue(To));
        var request = new DiffDatasetsRequest { FromDatasetId = from, ToDatasetId = to };
        var gateway = await context.ConnectAsync(cancellationToken);
        var difference = await gateway.ReadAsync(options => gateway.Datasets.DiffDatasetsAsync(request, options), cancellationToken);
        context.Terminal.Write(DatasetDifferenceDocument.From(request, difference), console => Write(console, request, difference));
        return ExitCodes.Success;
    }

    private static void Write(IAnsiConsole console, DiffDatasetsRequest request, DatasetDifference difference)
    {
        console.WriteLine(FormattableString.Invariant(
            $"From dataset {request.FromDatasetId} to {request.ToDatasetId}: {difference.Added:N0} images added, {difference.Removed:N0} removed,"));
        console.WriteLine(FormattableString.Invariant(
            $"{difference.Relabelled:N0} with another label, {difference.Moved:N0} in another split, {difference.Unchanged:N0} unchanged."));
        if (difference.Changes.Count == 0)
            return;
        var table = new Table().Border(TableBorder.Rounded).AddColumn("image").AddColumn("split").AddColumn("label");
        foreach (var change in difference.Changes.Take(ShownAtMost))
        {
            table.AddRow(
                change.ImageId, Arrow(change.FromSplit, change.ToSplit), Arrow(string.Join(" or ", change.FromLabel), string.Join(" or ", change.ToLabel)));
        }

        console.Write(table);
        var changed = difference.Changes.Count;
        if (changed > ShownAtMost)
            console.WriteLine(FormattableString.Invariant($"The first {ShownAtMost} of the changes; --json has up to a thousand."));
    }

    private static string Arrow(string before, string after) =>
        Markup.Escape(before == after ? before : $"{(before.Length > 0 ? before : "-")} → {(after.Length > 0 ? after : "-")}");
}

/// <summary>What differs between two datasets; an empty split says that the image is not there.</summary>
internal sealed record DatasetDifferenceDocument(
    int FromDataset, int ToDataset, int Added, int Removed, int Relabelled, int Moved, int Unchanged, IReadOnlyList<DatasetRowChangeDocument> Changes)
{
    public static DatasetDifferenceDocument From(DiffDatasetsRequest request, DatasetDifference difference) => new(
        request.FromDatasetId, request.ToDatasetId, difference.Added, difference.Removed, difference.Relabelled, difference.Moved, difference.Unchanged,
        [.. difference.Changes.Select(change => new DatasetRowChangeDocument(
            change.ImageId, change.FromSplit, change.ToSplit, [.. change.FromLabel], [.. change.ToLabel]))]);
}

internal sealed record DatasetRowChangeDocument(string Image, string FromSplit, string ToSplit, IReadOnlyList<string> FromLabel, IReadOnlyList<string> ToLabel);
