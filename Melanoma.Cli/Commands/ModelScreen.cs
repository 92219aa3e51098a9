using System.Globalization;
using System.Text.Json;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>A model version for people.</summary>
internal static class ModelScreen
{
    /// <summary>What a run ended in: figures on validation and test, and what the promotion policy says.</summary>
    public static void WriteResult(IAnsiConsole console, Model model)
    {
        console.MarkupLineInterpolated($"Model version [bold]{model.Version}[/] ({ModelDocument.NameOf(model.State)})");
        if (model.Protocol != "honest")
            console.MarkupLine("[yellow]Trained and measured under the original notebook's leaky protocol: the figures say nothing about new patients.[/]");
        var table = new Table().Border(TableBorder.Rounded).AddColumn("split");
        foreach (var header in (ReadOnlySpan<string>)["images", "accuracy", "balanced accuracy", "loss", "melanoma AUC"])
            table.AddColumn(new TableColumn(header).RightAligned());
        AddFigures(table, "validation", model.Validation);
        AddFigures(table, "test", model.Test);
        console.Write(table);
        console.WriteLine(model.PolicyDecision.Length > 0 ? $"Promotion policy: {model.PolicyDecision}" : "The promotion policy has not decided yet.");
    }

    private static string OriginOf(Model model) => model.Bundled ? "bundled with the software" : FormattableString.Invariant($"dataset {model.DatasetId}, run {model.RunId}");

    public static void Write(IAnsiConsole console, Model model)
    {
        WriteResult(console, model);
        console.MarkupLineInterpolated(
            $"[grey]Recipe {model.Recipe}, {OriginOf(model)}, {model.Protocol} protocol, {model.Artefact} file of {model.SizeBytes} bytes, SHA-256 {model.Sha256}[/]");
        if (model.TestLooks > 0)
            console.WriteLine(FormattableString.Invariant($"The test lesions of its dataset were looked at {model.TestLooks:N0} times until now, by runs and by comparisons."));
        if (model.OtherProtocol is { } other)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"The same recipe under the {other.Protocol} protocol, version {other.Version}: accuracy {other.Figures.Accuracy:0.000}, balanced accuracy {other.Figures.BalancedAccuracy:0.000} on {other.Figures.Images} images. Only the honest figures say something about new patients."));
        }

        foreach (var warning in model.DatasetWarnings)
            console.MarkupLineInterpolated($"[red]{warning}[/]");
        if (ReadReport(model) is not { } report)
            return;
        if (report.Views > 1)
            console.WriteLine(FormattableString.Invariant($"Each answer is the mean over {report.Views} turned and mirrored views of the picture, so that only ties can flip."));
        if (report.Test is { } test)
        {
            WriteClasses(console, test);
            WriteHam10000(console, test);
            WriteBaselines(console, test, report.Baselines);
        }

        if (report.Artefacts is { } artefacts)
            console.WriteLine(artefacts.Reason);
        foreach (var finding in report.Findings)
            console.WriteLine($"- {finding}");
        console.MarkupLine("[grey]For research, not a medical device.[/]");
    }

    public static string StateMarkup(ModelState state) =>
        state == ModelState.Production ? $"[green]{ModelDocument.NameOf(state)}[/]" : ModelDocument.NameOf(state);

    /// <summary>What the policy decided, without what it rests on: the words before the first colon.</summary>
    public static string InShort(string policyDecision) => policyDecision.Split(':')[0];

    public static string Three(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";

    private static ModelReport? ReadReport(Model model)
    {
        try
        {
            return model.ReportJson.Length > 0 ? ModelReport.FromJson(model.ReportJson) : null;
        }
        catch (JsonException)
        {
            // A report of another version of the product: the headline figures stand above.
            return null;
        }
    }

    private static void WriteClasses(IAnsiConsole console, SplitFigures figures)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Test split by class").AddColumn("diagnosis");
        foreach (var header in (ReadOnlySpan<string>)["images", "precision", "recall", "F1"])
            table.AddColumn(new TableColumn(header).RightAligned());
        foreach (var item in figures.Classes)
            table.AddRow(Markup.Escape(item.Diagnosis), item.Images.ToString(CultureInfo.InvariantCulture), Three(item.Precision), Three(item.Recall), Three(item.F1));
        console.Write(table);
    }

    private static void WriteHam10000(IAnsiConsole console, SplitFigures figures)
    {
        if (figures.Ham10000 is { } seven)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"In the seven classes of HAM10000, {seven.Images} images of {seven.Groups} lesions: accuracy {WithInterval(seven.Accuracy, seven.AccuracyInterval)}, balanced accuracy {WithInterval(seven.BalancedAccuracy, seven.BalancedAccuracyInterval)}, melanoma AUC {Three(seven.MelanomaAuc)}"));
        }

        if (figures.FlipRate is { } flips)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Flip rate: {flips:p1} of the lesions are told otherwise in one of the eight turned and mirrored views."));
    }

    private static void WriteBaselines(IAnsiConsole console, SplitFigures figures, IReadOnlyList<BaselineFigures> baselines)
    {
        if (baselines.Count == 0)
            return;
        var table = new Table().Border(TableBorder.Rounded).Title("Beside simple models, same test images").AddColumn("model");
        foreach (var header in (ReadOnlySpan<string>)["accuracy", "balanced accuracy", "melanoma AUC"])
            table.AddColumn(new TableColumn(header).RightAligned());
        Add("this version", figures.Accuracy, figures.AccuracyInterval, figures.BalancedAccuracy, figures.BalancedAccuracyInterval, figures.MelanomaAuc, figures.MelanomaAucInterval);
        foreach (var item in baselines)
            Add(item.Name, item.Accuracy, item.AccuracyInterval, item.BalancedAccuracy, item.BalancedAccuracyInterval, item.MelanomaAuc, item.MelanomaAucInterval);
        console.Write(table);

        void Add(string name, double accuracy, Interval accuracyInterval, double balanced, Interval balancedInterval, double? auc, Interval? aucInterval) => table.AddRow(
            Markup.Escape(name), Markup.Escape(WithInterval(accuracy, accuracyInterval)), Markup.Escape(WithInterval(balanced, balancedInterval)),
            auc is { } area && aucInterval is not null ? Markup.Escape(WithInterval(area, aucInterval)) : Three(auc));
    }

    private static string WithInterval(double value, Interval interval) => $"{Three(value)} [{Three(interval.Low)}, {Three(interval.High)}]";

    private static void AddFigures(Table table, string split, ModelFigures? figures)
    {
        if (FiguresDocument.From(figures) is { } shown)
        {
            table.AddRow(
                split, shown.Images.ToString(CultureInfo.InvariantCulture), Three(shown.Accuracy), Three(shown.BalancedAccuracy), Three(shown.Loss), Three(shown.MelanomaAuc));
        }
    }
}
