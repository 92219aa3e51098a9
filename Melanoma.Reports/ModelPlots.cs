using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using ScottPlot;
using ScottPlot.TickGenerators;
using static Melanoma.Reports.Words;

namespace Melanoma.Reports;

/// <summary>A plot as it stands in a report.</summary>
/// <param name="Name">Name of its file without the ending.</param>
/// <param name="Alternative">What somebody who cannot see it has to know.</param>
/// <param name="Png">1250 pixels wide.</param>
internal sealed record ReportPlot(string Name, string Alternative, byte[] Png);

/// <summary>The plots of a model's report.</summary>
internal static class ModelPlots
{
    public const string Accuracy = "accuracy";
    public const string Loss = "loss";
    public const string Classes = "classes";
    public const string Confusion = "confusion";
    public const string Roc = "roc";
    public const string PrecisionRecall = "precision-recall";
    public const string Reliability = "reliability";
    public const string RiskCoverage = "risk-coverage";

    // ScottPlot keeps its fonts and their measures in static tables.
    private static readonly Lock OneAtATime = new();

    /// <summary>Those for which the report has what they show.</summary>
    public static IReadOnlyList<ReportPlot> Draw(ModelReport report)
    {
        var judged = report.Test ?? report.Validation;
        var splits = Splits(report);
        lock (OneAtATime)
        {
            return
            [
                .. report.EpochCurve.Count == 0 ? (ReportPlot[])[] : [DrawAccuracy(report), DrawLoss(report)],
                DrawClasses(report),
                .. judged.Images == 0 ? (ReportPlot[])[] : [DrawConfusion(judged, report.Test is null ? "validation" : "test")],
                .. splits.Any(split => split.Curves.Roc.Count > 0) ? (ReportPlot[])[DrawRoc(splits)] : [],
                .. splits.Any(split => split.Curves.PrecisionRecall.Count > 0) ? (ReportPlot[])[DrawPrecisionRecall(splits)] : [],
                .. splits is [.., var last] ? (ReportPlot[])[DrawReliability(last), DrawRiskCoverage(splits)] : [],
            ];
        }
    }

    private static Split[] Splits(ModelReport report)
    {
        var splits = new List<Split>();
        Add("validation", PlotStyle.Validation, report.Validation);
        Add("test", PlotStyle.Test, report.Test);
        return [.. splits];

        void Add(string name, Color colour, SplitFigures? figures)
        {
            if (figures?.Curves is { } curves)
                splits.Add(new Split(name, colour, figures, curves));
        }
    }

    private static ReportPlot DrawAccuracy(ModelReport report)
    {
        var plot = PlotStyle.New("Accuracy by epoch", "epoch", "share of images");
        AddEpochs(plot, report, "training accuracy", PlotStyle.Training, epoch => epoch.TrainingAccuracy);
        AddEpochs(plot, report, "validation accuracy", PlotStyle.Validation, epoch => epoch.ValidationAccuracy);
        AddEpochs(plot, report, "validation balanced accuracy", PlotStyle.Validation, epoch => epoch.ValidationBalancedAccuracy, LinePattern.Dashed);
        FinishEpochs(plot, report);
        plot.Axes.SetLimitsY(0, 1.02);
        var (first, last) = (report.EpochCurve[0], report.EpochCurve[^1]);
        return new ReportPlot(
            Accuracy,
            Say($"Accuracy over {report.EpochCurve.Count} epochs: training from {first.TrainingAccuracy:0.000} to {last.TrainingAccuracy:0.000}, validation from {first.ValidationAccuracy:0.000} to {last.ValidationAccuracy:0.000}."),
            PlotStyle.Png(plot));
    }

    private static ReportPlot DrawLoss(ModelReport report)
    {
        var plot = PlotStyle.New("Loss by epoch", "epoch", "mean cross-entropy, nats");
        AddEpochs(plot, report, "training loss", PlotStyle.Training, epoch => epoch.TrainingLoss);
        AddEpochs(plot, report, "validation loss", PlotStyle.Validation, epoch => epoch.ValidationLoss);
        FinishEpochs(plot, report);
        plot.Axes.SetLimitsY(0, report.EpochCurve.Max(epoch => Math.Max(epoch.TrainingLoss, epoch.ValidationLoss)) * 1.05);
        var (first, last) = (report.EpochCurve[0], report.EpochCurve[^1]);
        return new ReportPlot(
            Loss,
            Say($"Loss over {report.EpochCurve.Count} epochs: training from {first.TrainingLoss:0.000} to {last.TrainingLoss:0.000}, validation from {first.ValidationLoss:0.000} to {last.ValidationLoss:0.000} nats."),
            PlotStyle.Png(plot));
    }

    private static void AddEpochs(Plot plot, ModelReport report, string name, Color colour, Func<EpochReport, double> figure, LinePattern? pattern = null)
    {
        var line = plot.Add.Scatter(report.EpochCurve.Select(epoch => new Coordinates(epoch.Epoch, figure(epoch))).ToArray(), colour);
        (line.LegendText, line.LineWidth, line.MarkerSize, line.LinePattern) = (name, 2, report.EpochCurve.Count > 40 ? 0 : 5, pattern ?? LinePattern.Solid);
    }

    private static void FinishEpochs(Plot plot, ModelReport report)
    {
        if (report.KeptEpoch is { } kept)
        {
            var line = plot.Add.VerticalLine(kept, 1.5f, PlotStyle.Faint, LinePattern.Dotted);
            line.LegendText = Say($"kept: epoch {kept}");
        }

        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.SetLimitsX(report.EpochCurve[0].Epoch - 0.5, report.EpochCurve[^1].Epoch + 0.5);
    }

    private static ReportPlot DrawClasses(ModelReport report)
    {
        var plot = PlotStyle.New("Training images by class", "images", "");
        var names = Diagnoses.Names;
        var largest = Math.Max(1, report.ClassesAfter.Max());
        Add("originals", PlotStyle.Validation, report.ClassesBefore, -0.2);
        Add("with stored variants", PlotStyle.Training, report.ClassesAfter, 0.2);
        plot.Axes.Left.TickGenerator = new NumericManual([.. names.Select((_, index) => (double)(names.Length - 1 - index))], [.. names]);
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.SetLimits(0, largest * 1.15, -0.6, names.Length - 0.4);
        plot.HideGrid();
        return new ReportPlot(
            Classes,
            "Training images by class, originals and with stored variants: "
                + string.Join("; ", names.Select((name, index) => Say($"{name} {report.ClassesBefore[index]} and {report.ClassesAfter[index]}"))) + ".",
            PlotStyle.Png(plot));

        void Add(string legend, Color colour, IReadOnlyList<int> counts, double shift)
        {
            var bars = plot.Add.Bars(counts.Select((count, index) => new Bar
            {
                Position = names.Length - 1 - index - shift,
                Value = count,
                Size = 0.38,
                FillColor = colour,
                LineWidth = 0,
                Label = Count(count),
                CenterLabel = false,
            }).ToArray());
            bars.Horizontal = true;
            bars.LegendText = legend;
            (bars.ValueLabelStyle.FontName, bars.ValueLabelStyle.FontSize) = (PlotStyle.Font, 11);
        }
    }

    private static ReportPlot DrawConfusion(SplitFigures figures, string split)
    {
        var classes = figures.Confusion.Count;
        var plot = PlotStyle.New(Say($"Confusion on {split}: {figures.Images} images"), "diagnosis given", "true diagnosis");
        for (var row = 0; row < classes; row++)
        {
            var images = figures.Confusion[row].Sum();
            for (var column = 0; column < classes; column++)
            {
                var count = figures.Confusion[row][column];
                var share = images == 0 ? 0 : (double)count / images;
                var (x, y) = (column, classes - 1 - row);
                var cell = plot.Add.Rectangle(x - 0.5, x + 0.5, y - 0.5, y + 0.5);
                (cell.FillColor, cell.LineColor, cell.LineWidth) = (Colors.White.InterpolateRgb(PlotStyle.Validation, share), Colors.Black.WithAlpha(0.12), 1);
                if (count > 0)
                {
                    var text = plot.Add.Text(count.ToString(CultureInfo.InvariantCulture), x, y);
                    (text.LabelFontName, text.LabelFontSize, text.LabelAlignment) = (PlotStyle.Font, 13, Alignment.MiddleCenter);
                    (text.LabelFontColor, text.LabelBold) = (share > 0.7 ? Colors.White : Colors.Black, row == column);
                }
            }
        }

        var names = figures.Classes.Select(item => item.Diagnosis).ToArray();
        plot.Axes.Left.TickGenerator = new NumericManual([.. names.Select((_, index) => (double)(classes - 1 - index))], names);
        plot.Axes.Bottom.TickGenerator = new NumericManual([.. names.Select((_, index) => (double)index)], names);
        plot.Axes.Bottom.TickLabelStyle.Rotation = -90;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleRight;
        plot.Axes.Bottom.MinimumSize = 190;
        (plot.Axes.Left.MajorTickStyle.Length, plot.Axes.Bottom.MajorTickStyle.Length) = (0, 0);
        plot.Axes.SetLimits(-0.5, classes - 0.5, -0.5, classes - 0.5);
        plot.HideGrid();
        return new ReportPlot(
            Confusion,
            Say($"Confusion matrix on {split}. ") + string.Join("; ", Enumerable.Range(0, classes).Where(row => figures.Confusion[row].Sum() > 0)
                .Select(row => Say($"{names[row]}: {figures.Confusion[row][row]} of {figures.Confusion[row].Sum()} right"))) + ".",
            PlotStyle.Png(plot, 520));
    }

    private static ReportPlot DrawRoc(Split[] splits)
    {
        var plot = PlotStyle.New("ROC: melanoma against the rest", "false alarms (1 - specificity)", "melanomas found (sensitivity)");
        AddDiagonal(plot, "by chance");
        foreach (var split in splits.Where(split => split.Curves.Roc.Count > 0))
        {
            AddCurve(plot, split.Curves.Roc, split.Colour, $"{split.Name}, AUC {WithInterval(split.Figures.MelanomaAuc, split.Figures.MelanomaAucInterval)}");
        }

        var judged = splits[^1];
        AddPoint(plot, "threshold for 95 %", MarkerShape.FilledDiamond, judged.Figures.SpecificityAtT95, judged.Figures.SensitivityAtT95);
        AddPoint(plot, "threshold for 90 %", MarkerShape.FilledSquare, judged.Figures.SpecificityAtT90, judged.Figures.SensitivityAtT90);
        PlotStyle.ToUnitSquare(plot);
        return new ReportPlot(
            Roc,
            "ROC curve of the melanoma probability. " + string.Join(" ", splits.Select(split =>
                $"Area on {split.Name}: {WithInterval(split.Figures.MelanomaAuc, split.Figures.MelanomaAucInterval)}.")),
            PlotStyle.Png(plot));

        void AddPoint(Plot plot, string name, MarkerShape shape, double? specificity, double? sensitivity)
        {
            if (specificity is { } right && sensitivity is { } found)
                plot.Add.Marker(1 - right, found, shape, 11, Colors.Black).LegendText = $"{name}, on {judged.Name}";
        }
    }

    private static ReportPlot DrawPrecisionRecall(Split[] splits)
    {
        var plot = PlotStyle.New("Precision and recall of melanoma", "melanomas found (recall)", "melanomas among those called (precision)");
        foreach (var split in splits.Where(split => split.Curves.PrecisionRecall.Count > 0))
        {
            AddCurve(
                plot, split.Curves.PrecisionRecall, split.Colour,
                $"{split.Name}, average precision {WithInterval(split.Figures.MelanomaAveragePrecision, split.Figures.MelanomaAveragePrecisionInterval)}");
        }

        PlotStyle.ToUnitSquare(plot);
        return new ReportPlot(
            PrecisionRecall,
            "Precision against recall of melanoma. " + string.Join(" ", splits.Select(split =>
                $"Average precision on {split.Name}: {WithInterval(split.Figures.MelanomaAveragePrecision, split.Figures.MelanomaAveragePrecisionInterval)}.")),
            PlotStyle.Png(plot));
    }

    private static ReportPlot DrawReliability(Split split)
    {
        var plot = PlotStyle.New($"Reliability on {split.Name}", "largest probability", "share of right ones");
        AddDiagonal(plot, "as it should be");
        var before = plot.Add.Scatter(Points(split.Curves.ReliabilityBefore), PlotStyle.Faint);
        (before.LegendText, before.LineWidth, before.MarkerShape, before.MarkerSize) = (
            $"before the temperature, error {WithInterval(split.Figures.CalibrationErrorBefore, split.Figures.CalibrationErrorBeforeInterval)}", 1, MarkerShape.OpenCircle, 6);
        foreach (var bin in split.Curves.ReliabilityAfter)
        {
            plot.Add.Line(bin.Confidence, bin.RightInterval.Low, bin.Confidence, bin.RightInterval.High).Color = split.Colour.WithAlpha(0.5);
        }

        var after = plot.Add.Scatter(Points(split.Curves.ReliabilityAfter), split.Colour);
        (after.LegendText, after.LineWidth, after.MarkerSize) = (
            $"with it, error {WithInterval(split.Figures.CalibrationErrorAfter, split.Figures.CalibrationErrorAfterInterval)}", 2, 7);
        PlotStyle.ToUnitSquare(plot);
        return new ReportPlot(
            Reliability,
            $"Reliability diagram on {split.Name}. Expected calibration error {Three(split.Figures.CalibrationErrorBefore)} before the temperature, "
                + $"{WithInterval(split.Figures.CalibrationErrorAfter, split.Figures.CalibrationErrorAfterInterval)} with it.",
            PlotStyle.Png(plot));

        static Coordinates[] Points(IReadOnlyList<ReliabilityBin> bins) => [.. bins.Select(bin => new Coordinates(bin.Confidence, bin.Right))];
    }

    private static ReportPlot DrawRiskCoverage(Split[] splits)
    {
        var plot = PlotStyle.New("Abstaining: risk against coverage", "share of images answered, the most certain first", "wrong among them");
        foreach (var split in splits)
        {
            AddCurve(plot, split.Curves.RiskCoverage, split.Colour, $"{split.Name}, all answered: {Three(1 - split.Figures.Accuracy)} wrong");
        }

        plot.Axes.SetLimits(-0.01, 1.01, 0, Math.Clamp(splits.Max(split => split.Curves.RiskCoverage.Max(point => point.Y)) * 1.15, 0.05, 1.02));
        return new ReportPlot(
            RiskCoverage,
            "Share of wrong answers against the share of images answered, the most certain first. " + string.Join(" ", splits.Select(split =>
                Say($"On {split.Name}, {1 - split.Figures.Accuracy:0.000} wrong when all are answered, {RiskAt(split, 0.8):0.000} when the most certain 80 % are."))),
            PlotStyle.Png(plot));
    }

    private static double RiskAt(Split split, double coverage) => split.Curves.RiskCoverage.First(point => point.X >= coverage).Y;

    private static void AddCurve(Plot plot, IReadOnlyList<CurvePoint> points, Color colour, string legend)
    {
        var line = plot.Add.ScatterLine(points.Select(point => new Coordinates(point.X, point.Y)).ToArray(), colour);
        (line.LegendText, line.LineWidth) = (legend, 2);
    }

    private static void AddDiagonal(Plot plot, string legend)
    {
        var line = plot.Add.Line(0, 0, 1, 1);
        (line.LineColor, line.LinePattern, line.LineWidth, line.LegendText) = (PlotStyle.Faint, LinePattern.Dashed, 1, legend);
    }

    private sealed record Split(string Name, Color Colour, SplitFigures Figures, SplitCurves Curves);
}
