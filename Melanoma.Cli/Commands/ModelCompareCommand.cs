using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma models compare</c>: two versions on the same test images.</summary>
internal static class ModelCompareCommand
{
    private static readonly Argument<string> Version = new("A") { Description = "The version that is judged." };
    private static readonly Argument<string> Other = new("B") { Description = "The version that it is compared with." };

    private static readonly Option<int?> Dataset = new("--dataset")
    {
        Description = "The honest dataset whose test images are used; else the newest in which enough are left that neither version was trained or chosen on.",
        HelpName = "N",
    };

    public static Command Create() =>
        new Command("compare", "Compare two versions on the same test images; it counts as a look at the test split.") { Version, Other, Dataset }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new CompareModelsRequest { Version = context.Arguments.GetRequiredValue(Version), OtherVersion = context.Arguments.GetRequiredValue(Other) };
        if (context.Arguments.GetValue(Dataset) is { } dataset)
            request.DatasetId = dataset;
        var gateway = await context.ConnectAsync(cancellationToken);
        var comparison = await context.Terminal.ProgressAsync(ProgressColumns.ForItems("images"), progress => CompareAsync(gateway, request, progress, cancellationToken));
        context.Terminal.Write(ModelComparisonDocument.From(comparison), console => Write(console, comparison));
        return ExitCodes.Success;
    }

    // Not repeated when the connection breaks: each attempt is a look at the test split.
    private static async Task<ModelComparison> CompareAsync(
        GatewayConnection gateway, CompareModelsRequest request, ProgressContext progress, CancellationToken cancellationToken)
    {
        var task = progress.AddTask($"version {request.Version} against {request.OtherVersion}");
        using var call = gateway.Models.CompareModels(request, cancellationToken: cancellationToken);
        await foreach (var step in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            if (step.Comparison is { } comparison)
            {
                task.StopTask();
                return comparison;
            }

            task.MaxValue = Math.Max(1, step.Progress.Total);
            task.Value = step.Progress.Images;
        }

        throw new CommandFailure("The comparison ended without a result; try again.");
    }

    private static void Write(IAnsiConsole console, ModelComparison comparison)
    {
        if (comparison.Figures.Count > 0)
        {
            console.WriteLine(FormattableString.Invariant(
                $"Test split of dataset {comparison.DatasetId}: {comparison.Images:N0} images with one diagnosis, {comparison.Ham10000Images:N0} in the classes of HAM10000, {comparison.Lesions:N0} lesions."));
            var table = new Table().Border(TableBorder.Rounded).AddColumn("figure");
            foreach (var header in (ReadOnlySpan<string>)[$"version {comparison.Version}", $"version {comparison.OtherVersion}", "difference", "95 % interval"])
                table.AddColumn(new TableColumn(header).RightAligned());
            table.AddColumn($"version {comparison.Version} is");
            foreach (var figure in comparison.Figures)
            {
                table.AddRow(
                    figure.Name, ModelScreen.Three(figure.Value), ModelScreen.Three(figure.OtherValue), Signed(figure.Difference),
                    $"{Signed(figure.DifferenceLow)} to {Signed(figure.DifferenceHigh)}", ModelComparisonDocument.NameOf(figure.Verdict));
            }

            console.Write(table);
        }

        console.WriteLine(comparison.Conclusion);
        foreach (var note in comparison.Notes)
            console.WriteLine($"- {note}");
        if (comparison.TestLooks > 0)
            console.WriteLine(FormattableString.Invariant($"These test lesions were looked at {comparison.TestLooks:N0} times until now, this time counted."));
    }

    private static string Signed(double value) => value.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture);
}

/// <summary>Two versions on the same test images; <c>verdict</c> is better, worse or indistinguishable, or tooFew.</summary>
internal sealed record ModelComparisonDocument(
    string Version, string OtherVersion, int Dataset, int Images, int Ham10000Images, int Lesions, LeftOutDocument LeftOut, IReadOnlyList<ComparedFigureDocument> Figures,
    string Verdict, string Conclusion, IReadOnlyList<string> Notes, int TestLooks)
{
    public static ModelComparisonDocument From(ModelComparison comparison) => new(
        comparison.Version, comparison.OtherVersion, comparison.DatasetId, comparison.Images, comparison.Ham10000Images, comparison.Lesions,
        LeftOutDocument.From(comparison.LeftOut), [.. comparison.Figures.Select(ComparedFigureDocument.From)], NameOf(comparison.Verdict), comparison.Conclusion,
        [.. comparison.Notes], comparison.TestLooks);

    public static string NameOf(ComparisonVerdict verdict) => verdict == ComparisonVerdict.Unspecified ? "tooFew" : verdict.ToString().ToLowerInvariant();
}

/// <summary>Test images that were left out, by reason; <c>seenByBoth</c> are counted in the two before as well.</summary>
internal sealed record LeftOutDocument(int SeenByVersion, int SeenByOther, int SeenByBoth, int Forgotten, int Coarse, int Unreadable)
{
    public static LeftOutDocument From(LeftOutImages left) =>
        new(left.SeenByVersion, left.SeenByOther, left.SeenByBoth, left.Forgotten, left.Coarse, left.Unreadable);
}

/// <summary>A figure of both versions, and the difference with its 95 % interval.</summary>
internal sealed record ComparedFigureDocument(string Name, double Value, double OtherValue, double Difference, double DifferenceLow, double DifferenceHigh, string Verdict)
{
    public static ComparedFigureDocument From(ComparedFigure figure) => new(
        figure.Name, figure.Value, figure.OtherValue, figure.Difference, figure.DifferenceLow, figure.DifferenceHigh, ModelComparisonDocument.NameOf(figure.Verdict));
}
