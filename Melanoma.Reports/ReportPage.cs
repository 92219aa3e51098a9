using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using static Melanoma.Reports.Words;

namespace Melanoma.Reports;

/// <summary>A model's report as one HTML page: pictures as data URIs, no script, nothing from outside. It is well-formed XML as well.</summary>
internal static class ReportPage
{
    /// <summary>Nothing is fetched, whatever a text in the page may look like.</summary>
    private const string Policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

    private static readonly string Style = ReadStyle();

    public static string Write(ReportContent content, IReadOnlyList<ReportPlot> plots)
    {
        var page = new XElement(
            "html",
            new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("http-equiv", "Content-Security-Policy"), new XAttribute("content", Policy)),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", Clean(content.Title)),
                new XElement("style", Style)),
            new XElement(
                "body",
                new XElement(
                    "main",
                    Heading(content),
                    Findings(content),
                    Headline(content.Report),
                    BothProtocols(content),
                    Simpler(content.Report),
                    Files(content.Report),
                    Melanoma(content.Report, plots),
                    Certainty(content.Report, plots),
                    ByClass(content.Report, plots),
                    Learning(content.Report, plots),
                    Data(content, plots),
                    Facts(content.Report))));
        return "<!DOCTYPE html>\n" + page.ToString(SaveOptions.DisableFormatting) + "\n";
    }

    private static IEnumerable<XElement> Heading(ReportContent content)
    {
        var report = content.Report;
        yield return new XElement("h1", Clean(content.Title));
        yield return Paragraph("use", "For research, not a medical device.");
        yield return Paragraph("soft", Say($"Recipe {report.Recipe}, version {report.RecipeVersion}. Dataset {report.DatasetId}, {report.Protocol} protocol. Licence of the pictures: {Licences(report)}. A model carries the licence of the pictures that it was trained on."));
        if (content.PolicyDecision is { Length: > 0 } decision)
            yield return Paragraph(null, $"Promotion policy: {decision}");
        if (report.Protocol != "honest")
            yield return Warning(["Trained and measured under the original notebook's leaky protocol: the figures say nothing about new patients."]);
        if (content.DatasetWarnings.Count > 0)
            yield return Warning(content.DatasetWarnings);
    }

    private static string Licences(ModelReport report) => report.Licences.Count == 0
        ? "not recorded"
        : string.Join(", ", report.Licences.Select(item => $"{item.Licence} ({Count(item.Images)} pictures)"));

    private static IEnumerable<XElement> Findings(ReportContent content) =>
        content.Report.Findings.Count == 0 ? [] : [new XElement("h2", "Findings"), List(content.Report.Findings)];

    private static IEnumerable<XElement> Headline(ModelReport report)
    {
        var (validation, test) = (report.Validation, report.Test);
        yield return new XElement("h2", "Figures");
        yield return Paragraph(null, test is null
            ? "The dataset has no test images: these are figures on the images that choices were made on, and too good."
            : report.TestLooks == 0 ? "Choices were made on validation. It was trained on an export, so nobody counted the looks at these test lesions."
            : Say($"Choices were made on validation. Looks of training at these test lesions, this one counted: {report.TestLooks}."));
        yield return Table(
            "With 95 % intervals, bootstrapped over lesions",
            ["", "validation", .. test is null ? (string[])[] : ["test"]],
            [
                Row("images", figures => Count(figures.Images)),
                Row("lesions", figures => Count(figures.Groups)),
                Row("images left out, their label names several diagnoses", figures => Count(figures.CoarseImages)),
                Row("accuracy", figures => WithInterval(figures.Accuracy, figures.AccuracyInterval)),
                Row("balanced accuracy", figures => WithInterval(figures.BalancedAccuracy, figures.BalancedAccuracyInterval)),
                Row("loss, nats", figures => WithInterval(figures.Loss, figures.LossInterval)),
                Row("melanoma AUC", figures => WithInterval(figures.MelanomaAuc, figures.MelanomaAucInterval)),
                Row("melanoma average precision", figures => WithInterval(figures.MelanomaAveragePrecision, figures.MelanomaAveragePrecisionInterval)),
                Row("calibration error before the temperature", figures => WithInterval(figures.CalibrationErrorBefore, figures.CalibrationErrorBeforeInterval)),
                Row("calibration error", figures => WithInterval(figures.CalibrationErrorAfter, figures.CalibrationErrorAfterInterval)),
                Row("flip rate over eight turned and mirrored views", figures => WithInterval(figures.FlipRate, figures.FlipRateInterval)),
            ]);

        string[] Row(string name, Func<SplitFigures, string> figure) => [name, figure(validation), .. test is null ? (string[])[] : [figure(test)]];
    }

    private static IEnumerable<XElement> BothProtocols(ReportContent content)
    {
        if (content.OtherProtocol is not { } other)
            yield break;
        yield return new XElement("h2", "Under both protocols");
        yield return Paragraph(null, Say($"The same recipe, this version and version {other.Version}. In the original notebook's leaky protocol pictures of a lesion, copies and augmented variants are on both sides of the split; only the honest figures say something about new patients."));
        (string Name, ModelReport Report)[] versions = [("this version", content.Report), (Say($"version {other.Version}"), other.Report)];
        yield return Table(
            "On test, or on validation where there is no test, with 95 % intervals",
            ["protocol", "", "images", "accuracy", "balanced accuracy", "melanoma AUC"],
            versions.OrderByDescending(version => version.Report.Protocol == "honest").Select(version =>
            {
                var figures = version.Report.Test ?? version.Report.Validation;
                return (string[])
                [
                    version.Report.Protocol, version.Name, Count(figures.Images), WithInterval(figures.Accuracy, figures.AccuracyInterval),
                    WithInterval(figures.BalancedAccuracy, figures.BalancedAccuracyInterval), WithInterval(figures.MelanomaAuc, figures.MelanomaAucInterval),
                ];
            }));
    }

    private static IEnumerable<XElement> Simpler(ModelReport report)
    {
        if (report.Test is not { } test || report.Baselines.Count == 0)
            yield break;
        yield return new XElement("h2", "Beside simple models");
        yield return Table(
            "Trained on the same images, on test, with 95 % intervals",
            ["", "accuracy", "balanced accuracy", "melanoma AUC"],
            [
                .. report.Baselines.Select(simple => (string[])
                [
                    simple.Name, WithInterval(simple.Accuracy, simple.AccuracyInterval), WithInterval(simple.BalancedAccuracy, simple.BalancedAccuracyInterval),
                    WithInterval(simple.MelanomaAuc, simple.MelanomaAucInterval),
                ]),
                [
                    "this model", WithInterval(test.Accuracy, test.AccuracyInterval), WithInterval(test.BalancedAccuracy, test.BalancedAccuracyInterval),
                    WithInterval(test.MelanomaAuc, test.MelanomaAucInterval),
                ],
            ]);
    }

    private static IEnumerable<XElement> Files(ModelReport report)
    {
        if (report.Artefacts is not { } artefacts)
            yield break;
        yield return new XElement("h2", "The file that answers");
        yield return Paragraph(null, artefacts.Reason);
        yield return Table(
            "Each file with its own temperature and thresholds, as ONNX Runtime computes it; all other figures on this page are of the fp32 network",
            [
                "file", "MB", "ms a picture", "thresholds for 95 and 90 %", "split", "balanced accuracy", "melanoma AUC", "sensitivity / specificity at 95 %", "sensitivity / specificity at 90 %", "calibration error",
            ],
            artefacts.Files.SelectMany(file => new[] { (Name: "validation", Figures: (ArtefactSplit?)file.Validation), (Name: "test", Figures: file.Test) }
                .Where(split => split.Figures is not null)
                .Select(split => (string[])
                [
                    file.Precision,
                    Say($"{file.Bytes / 1e6:0.0}"),
                    file.Milliseconds is { } milliseconds ? Say($"{milliseconds:0.0}") : "",
                    file.OperatingPoints is { } points ? Say($"{points.T95:0.0000} and {points.T90:0.0000}") : "",
                    split.Name,
                    Three(split.Figures!.BalancedAccuracy),
                    Three(split.Figures.MelanomaAuc),
                    $"{Three(split.Figures.SensitivityAtT95)} / {Three(split.Figures.SpecificityAtT95)}",
                    $"{Three(split.Figures.SensitivityAtT90)} / {Three(split.Figures.SpecificityAtT90)}",
                    Three(split.Figures.CalibrationError),
                ])));
    }

    private static IEnumerable<XElement> Melanoma(ModelReport report, IReadOnlyList<ReportPlot> plots)
    {
        yield return new XElement("h2", "Melanoma against the rest");
        if (report.OperatingPoints is not { } points)
        {
            yield return Paragraph(null, "Validation has no melanoma: there are no operating points.");
        }
        else
        {
            yield return Paragraph(null, "Thresholds on the melanoma probability, chosen on validation: below the first low risk, from the second on refer, between them review."
                + (report.Artefacts?.Serves == ModelProperties.EightBits ? " These are the fp32 network's; callers are answered by those of the int8 file, above." : ""));
            yield return Table(
                "Operating points",
                ["threshold chosen for", "threshold", "split", "sensitivity", "specificity"],
                Judged(report).SelectMany(split => (string[][])
                [
                    ["95 % sensitivity", Four(points.T95), split.Name, WithInterval(split.Figures.SensitivityAtT95, split.Figures.SensitivityAtT95Interval), WithInterval(split.Figures.SpecificityAtT95, split.Figures.SpecificityAtT95Interval)],
                    ["90 % sensitivity", Four(points.T90), split.Name, WithInterval(split.Figures.SensitivityAtT90, split.Figures.SensitivityAtT90Interval), WithInterval(split.Figures.SpecificityAtT90, split.Figures.SpecificityAtT90Interval)],
                ]));
        }

        yield return Plots(
            plots,
            (ModelPlots.Roc, "How many melanomas are found at the price of how many false alarms, for every threshold."),
            (ModelPlots.PrecisionRecall, "How many of those called melanoma are one, for every share of melanomas found. It depends on how common melanoma is in the split."));

        static string Four(double threshold) => threshold.ToString("0.0000", CultureInfo.InvariantCulture);
    }

    private static IEnumerable<XElement> Certainty(ModelReport report, IReadOnlyList<ReportPlot> plots)
    {
        var (name, figures) = Judged(report)[^1];
        if (figures.Curves is not { } curves)
            yield break;
        yield return new XElement("h2", "Certainty");
        yield return Plots(
            plots,
            (ModelPlots.Reliability, "Whether a probability means what it says. Bars: 95 % intervals."),
            (ModelPlots.RiskCoverage, "What is gained when the model leaves the pictures it is least certain of to a person."));
        yield return Details(
            "The reliability diagram as a table",
            Table(
                $"On {name}, with the temperature",
                ["largest probability", "share of right ones", "images"],
                curves.ReliabilityAfter.Select(bin => (string[])[Three(bin.Confidence), WithInterval(bin.Right, bin.RightInterval), Count(bin.Images)])));
    }

    private static IEnumerable<XElement> ByClass(ModelReport report, IReadOnlyList<ReportPlot> plots)
    {
        var (name, figures) = Judged(report)[^1];
        yield return new XElement("h2", "By class");
        yield return ClassTable($"On {name}, with 95 % intervals", figures.Classes);
        if (figures.Images > 0)
        {
            var names = figures.Classes.Select(item => item.Diagnosis).ToArray();
            yield return Plots(plots, (ModelPlots.Confusion, "Rows are true diagnoses, columns given ones. The colour is the share of the row."));
            yield return Details("The confusion matrix as a table", Table(
                $"On {name}: rows are true diagnoses, columns given ones",
                ["", .. names],
                figures.Confusion.Select((row, index) => (string[])[names[index], .. row.Select(count => Count(count))])));
        }

        foreach (var (split, seven) in Judged(report).Where(split => split.Figures.Ham10000 is not null).Select(split => (split.Name, split.Figures.Ham10000!)))
        {
            yield return new XElement("h3", $"In the seven classes of HAM10000, on {split}");
            yield return Paragraph(null, $"{Count(seven.Images)} images of {Count(seven.Groups)} lesions: accuracy {WithInterval(seven.Accuracy, seven.AccuracyInterval)}, balanced accuracy {WithInterval(seven.BalancedAccuracy, seven.BalancedAccuracyInterval)}, melanoma AUC {WithInterval(seven.MelanomaAuc, seven.MelanomaAucInterval)}.");
            yield return Details("By class", ClassTable($"On {split}", seven.Classes));
        }
    }

    private static XElement ClassTable(string caption, IReadOnlyList<ClassFigures> classes) => Table(
        caption,
        ["diagnosis", "images", "precision", "recall", "F1"],
        classes.Select(item => (string[])
        [
            item.Diagnosis, Count(item.Images), WithInterval(item.Precision, item.PrecisionInterval), WithInterval(item.Recall, item.RecallInterval), WithInterval(item.F1, item.F1Interval),
        ]));

    private static IEnumerable<XElement> Learning(ModelReport report, IReadOnlyList<ReportPlot> plots)
    {
        yield return new XElement("h2", "Learning");
        yield return Paragraph(null, report.KeptEpoch is { } kept
            ? Say($"At most {report.Epochs} epochs; the weights of epoch {kept} were kept.")
            : Say($"At most {report.Epochs} epochs."));
        if (report.EpochCurve.Count == 0)
        {
            yield return Paragraph("soft", "What each epoch came to was not recorded.");
            yield break;
        }

        yield return Plots(
            plots,
            (ModelPlots.Accuracy, "Training is measured on augmented pictures while the weights change, validation after each epoch, without the temperature."),
            (ModelPlots.Loss, "The same for the mean cross-entropy."));
        yield return Details("The epochs as a table", Table(
            "Losses in nats",
            ["epoch", "training loss", "training accuracy", "validation loss", "validation accuracy", "validation balanced accuracy"],
            report.EpochCurve.Select(epoch => (string[])
            [
                Count(epoch.Epoch), Three(epoch.TrainingLoss), Three(epoch.TrainingAccuracy), Three(epoch.ValidationLoss), Three(epoch.ValidationAccuracy), Three(epoch.ValidationBalancedAccuracy),
            ])));
    }

    private static IEnumerable<XElement> Data(ReportContent content, IReadOnlyList<ReportPlot> plots)
    {
        var report = content.Report;
        yield return new XElement("h2", "Training images");
        if (report.Unsupported.Count > 0)
            yield return Paragraph(null, $"Too few training images, so never named: {string.Join(", ", report.Unsupported)}.");
        yield return Plots(plots, (ModelPlots.Classes, "Images with one diagnosis, before augmentation and with the variants that were stored. What is augmented while it trains is not counted."));
        yield return Details("The classes as a table", Table(
            "Training images, and the share at which probabilities are stated",
            ["diagnosis", "originals", "with stored variants", "class prior"],
            Diagnoses.Names.Select((name, index) => (string[])[name, Count(report.ClassesBefore[index]), Count(report.ClassesAfter[index]), Three(report.ClassPrior[index])])));
        if (content.Pictures.Count == 0)
            yield break;
        yield return new XElement("h3", "One picture of each class, and augmented ones of it");
        yield return new XElement("div", Class("samples"), content.Pictures.GroupBy(picture => picture.Label).Select(row => new XElement(
            "figure",
            new XElement("figcaption", Clean(row.Key)),
            new XElement("div", row.Select(picture => Image(
                "image/jpeg", picture.Jpeg, picture.IsAugmented ? $"{row.Key}, augmented" : $"{row.Key}, a training picture", picture.IsAugmented ? "augmented" : "original"))))));
    }

    private static IEnumerable<XElement> Facts(ModelReport report)
    {
        yield return new XElement("h2", "How it was made");
        yield return Table("The run", ["", ""],
        [
            ["seed", report.Seed.ToString(CultureInfo.InvariantCulture)],
            ["parameters", Count(report.Parameters)],
            ["turned and mirrored views that an answer is the mean of", Count(report.Views)],
            ["calibration temperature", Three(report.Temperature)],
            ["largest difference between the trained network and the served file", report.ParityDifference.ToString("0.0e+0", CultureInfo.InvariantCulture)],
        ]);
    }

    private static (string Name, SplitFigures Figures)[] Judged(ModelReport report) =>
        report.Test is { } test ? [("validation", report.Validation), ("test", test)] : [("validation", report.Validation)];

    private static XElement Plots(IReadOnlyList<ReportPlot> plots, params ReadOnlySpan<(string Name, string Caption)> shown)
    {
        var row = new XElement("div", Class("plots"), "");
        foreach (var (name, caption) in shown)
        {
            if (plots.FirstOrDefault(plot => plot.Name == name) is { } plot)
                row.Add(new XElement("figure", Image("image/png", plot.Png, plot.Alternative, "plot"), new XElement("figcaption", caption)));
        }

        return row;
    }

    private static XElement Image(string mediaType, byte[] bytes, string alternative, string name) => new(
        "img", Class(name), new XAttribute("alt", Clean(alternative)), new XAttribute("src", $"data:{mediaType};base64,{Convert.ToBase64String(bytes)}"));

    private static XElement Table(string caption, IEnumerable<string> headers, IEnumerable<string[]> rows) => new(
        "div",
        Class("scroll"),
        new XElement(
            "table",
            new XElement("caption", Clean(caption)),
            headers.All(header => header.Length == 0)
                ? null
                : new XElement("thead", new XElement("tr", headers.Select(header => new XElement("th", new XAttribute("scope", "col"), Clean(header))))),
            new XElement("tbody", rows.Select(row => new XElement(
                "tr", row.Select((cell, index) => index == 0 ? new XElement("th", new XAttribute("scope", "row"), Clean(cell)) : new XElement("td", Clean(cell))))))));

    private static XElement Details(string summary, XElement content) => new("details", new XElement("summary", summary), content);

    private static XElement Warning(IEnumerable<string> sentences) => new("div", Class("warning"), new XAttribute("role", "note"), sentences.Select(sentence => Paragraph(null, sentence)));

    private static XElement List(IEnumerable<string> items) => new("ul", items.Select(item => new XElement("li", Clean(item))));

    private static XElement Paragraph(string? name, string text) => new("p", name is null ? null : Class(name), Clean(text));

    private static XAttribute Class(string name) => new("class", name);

    /// <summary>Text without the control characters that no page can hold.</summary>
    private static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            clean.Append(rune.Value is >= 0x20 and not 0xFFFE and not 0xFFFF or '\t' or '\n' or '\r' ? rune.ToString() : "\uFFFD");
        }

        return clean.ToString();
    }

    private static string ReadStyle()
    {
        using var reader = new StreamReader(typeof(ReportPage).Assembly.GetManifestResourceStream("ReportPage.css")!);
        return "\n" + reader.ReadToEnd();
    }
}
