using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Reports;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using SkiaSharp;

namespace Melanoma.UnitTests.Reports;

public sealed partial class ReportTests
{
    private const string Hostile = "<script>alert(\"1\")</script> & 'quoted' <img src=\"https://example.org/x.png\"/>\u0001";

    private static readonly string[] AllPlots = ["accuracy", "loss", "classes", "confusion", "roc", "precision-recall", "reliability", "risk-coverage"];

    [Fact]
    public void Should_be_one_page_that_fetches_nothing_and_escapes_everything_when_texts_are_hostile()
    {
        var report = Report() with { Findings = [Hostile], Licences = [new LicenceCount(Hostile, 3)], Recipe = Hostile };
        var jpeg = Jpeg();
        var files = ReportFiles.Make(Content(report) with
        {
            DatasetWarnings = [Hostile],
            PolicyDecision = Hostile,
            Pictures = [new ReportPicture("nevus", false, jpeg), new ReportPicture("nevus", true, jpeg)],
        });

        var page = Page(files);
        var names = page.Descendants().Select(element => element.Name.LocalName).ToHashSet();
        Assert.Empty(names.Intersect(["script", "link", "iframe", "object", "embed", "form", "a", "base"]));
        Assert.All(page.Descendants().Attributes(), attribute => Assert.DoesNotMatch("^on|href|srcset", attribute.Name.LocalName));
        var pictures = page.Descendants("img").ToArray();
        Assert.Equal(AllPlots.Length + 2, pictures.Length);
        Assert.All(pictures, picture => Assert.StartsWith("data:image/", picture.Attribute("src")!.Value, StringComparison.Ordinal));
        Assert.All(pictures, picture => Assert.True(picture.Attribute("alt")!.Value.Length > 10 || picture.Attribute("class")!.Value != "plot"));
        Assert.DoesNotContain("url(", page.Descendants("style").Single().Value, StringComparison.Ordinal);

        // A character that no page can hold is shown as what it is not.
        var shown = Hostile.Replace('\u0001', '\uFFFD');
        Assert.Equal(shown, page.Descendants("li").Single().Value);
        Assert.Equal(shown, page.Descendants("div").Single(element => element.Attribute("class")?.Value == "warning").Value);
        Assert.Contains("For research, not a medical device.", page.Value, StringComparison.Ordinal);
        Assert.Equal(report.ToJson(), System.Text.Encoding.UTF8.GetString(files.Single(file => file.Name == "report.json").Bytes));
    }

    [Fact]
    public void Should_show_every_figure_of_the_report_when_it_is_read()
    {
        var report = Report();
        var text = Page(ReportFiles.Make(Content(report))).Descendants().Where(element => !element.HasElements).Select(element => element.Value).ToHashSet();

        foreach (var figures in (SplitFigures[])[report.Validation, report.Test!])
        {
            Shown(figures.Accuracy, figures.AccuracyInterval);
            Shown(figures.BalancedAccuracy, figures.BalancedAccuracyInterval);
            Shown(figures.Loss, figures.LossInterval);
            Shown(figures.MelanomaAuc, figures.MelanomaAucInterval);
            Shown(figures.MelanomaAveragePrecision, figures.MelanomaAveragePrecisionInterval);
            Shown(figures.CalibrationErrorBefore, figures.CalibrationErrorBeforeInterval);
            Shown(figures.CalibrationErrorAfter, figures.CalibrationErrorAfterInterval);
            Shown(figures.SensitivityAtT95, figures.SensitivityAtT95Interval);
            Shown(figures.SpecificityAtT95, figures.SpecificityAtT95Interval);
            Shown(figures.SensitivityAtT90, figures.SensitivityAtT90Interval);
            Shown(figures.SpecificityAtT90, figures.SpecificityAtT90Interval);
            Shown(figures.FlipRate, figures.FlipRateInterval);
        }

        foreach (var item in report.Test!.Classes.Where(item => item.Images > 0))
        {
            Shown(item.Precision, item.PrecisionInterval);
            Shown(item.Recall, item.RecallInterval);
            Shown(item.F1, item.F1Interval);
        }

        Assert.All(report.EpochCurve, epoch => Assert.Contains(Words.Three(epoch.ValidationBalancedAccuracy), text));
        Assert.Contains("At most 12 epochs; the weights of epoch 9 were kept.", text);
        Assert.All(report.Baselines, simple => Assert.Superset(new HashSet<string> { simple.Name, Words.WithInterval(simple.Accuracy, simple.AccuracyInterval) }, text.ToHashSet()));

        void Shown(double? figure, Interval? interval)
        {
            Assert.True(interval!.Low <= figure && figure <= interval.High, Words.WithInterval(figure, interval));
            Assert.Contains(Words.WithInterval(figure, interval), text);
        }
    }

    [Fact]
    public void Should_draw_plots_that_decode_and_are_not_blank_when_the_report_has_what_they_show()
    {
        var files = ReportFiles.Make(Content(Report()));

        Assert.Equal(AllPlots.Select(name => name + ".png"), files.Where(file => file.MediaType == "image/png").Select(file => file.Name));
        foreach (var file in files.Where(file => file.MediaType == "image/png"))
        {
            using var bitmap = SKBitmap.Decode(file.Bytes);
            Assert.Equal(1250, bitmap.Width);
            var colours = bitmap.Pixels.GroupBy(pixel => pixel).ToDictionary(pixel => pixel.Key, pixel => pixel.Count());
            var background = colours.Values.Max() / (double)bitmap.Pixels.Length;
            Assert.True(background is > 0.3 and < 0.99 && colours.Count > 30, $"{file.Name}: {background:p1} of one colour, {colours.Count} colours");
        }
    }

    [Fact]
    public void Should_still_be_read_and_drawn_when_the_report_is_an_old_one()
    {
        var old = JsonNode.Parse(Report().ToJson())!.AsObject();
        foreach (var name in (string[])["keptEpoch", "epochCurve", "licences", "datasetWarnings"])
        {
            old.Remove(name);
        }

        foreach (var split in (string[])["validation", "test"])
        {
            var figures = old[split]!.AsObject();
            string[] kept = ["accuracyInterval", "balancedAccuracyInterval", "melanomaAucInterval"];
            foreach (var name in figures.Select(property => property.Key).Where(key => key.EndsWith("Interval", StringComparison.Ordinal) && !kept.Contains(key)).ToArray())
            {
                figures.Remove(name);
            }

            figures.Remove("curves");
            figures.Remove("melanomaAveragePrecision");
        }

        var files = ReportFiles.Make(Content(ModelReport.FromJson(old.ToJsonString())));

        Assert.Equal(["classes.png", "confusion.png"], files.Where(file => file.MediaType == "image/png").Select(file => file.Name));
        Assert.Contains("What each epoch came to was not recorded.", Page(files).Value, StringComparison.Ordinal);
        Assert.Contains("Licence of the pictures: not recorded", Page(files).Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_stay_small_when_many_pictures_were_judged()
    {
        var report = Report();

        Assert.InRange(report.ToJson().Length, 1000, 60_000);
        Assert.InRange(report.Test!.Curves!.Roc.Count, 50, 101);
        Assert.Equal((new CurvePoint(0, 0), new CurvePoint(1, 1)), (report.Test.Curves.Roc[0], report.Test.Curves.Roc[^1]));
        Assert.InRange(ReportFiles.Make(Content(report)).Max(file => file.Bytes.Length), 1000, 2_000_000);
    }

    internal static ReportContent Content(ModelReport report) => new("Model version 7", report, report.ToJson());

    /// <summary>A report as training makes it, of a made-up network that is right more often than not.</summary>
    private static ModelReport Report()
    {
        var (validation, points) = Figures(900, seed: 1, null);
        var (test, _) = Figures(1500, seed: 2, points);
        return new ModelReport
        {
            Recipe = "standard",
            RecipeVersion = 2,
            DatasetId = 4,
            Protocol = "honest",
            Epochs = 12,
            KeptEpoch = 9,
            EpochCurve = [.. Enumerable.Range(1, 12).Select(epoch => new EpochReport(
                epoch, 1.9 / Math.Sqrt(epoch), 0.9 - (0.5 / epoch), (1.8 / Math.Sqrt(epoch)) + (epoch * 0.02), 0.82 - (0.4 / epoch), 0.74 - (0.45 / epoch)))],
            Seed = 5,
            Parameters = 3_383_001,
            ClassesBefore = [95, 360, 80, 780, 4690, 770, 30, 140, 99],
            ClassesAfter = [500, 500, 500, 780, 4690, 770, 500, 500, 500],
            Validation = validation,
            Test = test,
            TestLooks = 2,
            Baselines = [new BaselineFigures("majority class", 0.67, new(0.63, 0.71), 0.125, new(0.125, 0.125), 0.5, new(0.5, 0.5))],
            ClassPrior = [0.02, 0.05, 0.01, 0.11, 0.67, 0.1, 0, 0.02, 0.02],
            Temperature = 1.37,
            OperatingPoints = points,
            Unsupported = ["seborrheic keratosis"],
            ParityDifference = 2.4e-6,
            Findings = ["Over-fit: training accuracy 97.1 % is more than 15 % above validation accuracy 80.2 %.", "Fewer than 10 test images, too few to judge the class: dermatofibroma."],
            DatasetWarnings = ["The class can be told from the source alone: balanced accuracy 0.41 without looking at a picture."],
            Licences = [new LicenceCount("CC BY-NC", 9823), new LicenceCount("unknown", 118)],
        };
    }

    private static (SplitFigures Figures, OperatingPoints? Points) Figures(int count, int seed, OperatingPoints? points)
    {
        var random = SplitMix64.At(seed);
        double[] shares = [0.03, 0.06, 0.01, 0.12, 0.6, 0.12, 0, 0.04, 0.02];
        var samples = new Sample[count];
        var logits = new float[count * Diagnoses.Count];
        for (var i = 0; i < count; i++)
        {
            var (drawn, truth) = (random.NextDouble(), 0);
            while (truth < Diagnoses.Count - 1 && drawn >= shares[truth])
            {
                drawn -= shares[truth++];
            }

            samples[i] = new Sample(i, Split.Test, DiagnosisSet.Of((Diagnosis)truth), i / 2, IsVariant: false);
            for (var index = 0; index < Diagnoses.Count; index++)
            {
                var prior = (float)Math.Log(Math.Max(shares[index], 0.001));
                logits[(i * Diagnoses.Count) + index] = (index == truth ? 3.5f : 0) + prior + (random.Between(-3, 3) * 1.2f);
            }
        }

        var rule = OutputRule.Plain with { Temperature = 1.4 };
        var judged = Judgement.Of(rule, shares, logits, samples);
        points ??= judged.ChooseOperatingPoints();
        return (judged.Figures(Judgement.Of(OutputRule.Plain, shares, logits, samples), points, seed) with
        {
            Ham10000 = Judgement.Of(rule, shares, logits, samples, ClassVocabulary.Ham10000).VocabularyFigures(seed),
            FlipRate = 0.043,
            FlipRateInterval = new Interval(0.031, 0.055),
        }, points);
    }

    private static XElement Page(IReadOnlyList<ReportFile> files)
    {
        var html = System.Text.Encoding.UTF8.GetString(files.Single(file => file.Name == "report.html").Bytes);
        return XDocument.Parse(Doctype().Replace(html, "")).Root!;
    }

    private static byte[] Jpeg()
    {
        using var bitmap = new SKBitmap(96, 96);
        bitmap.Erase(new SKColor(190, 120, 100));
        return bitmap.Encode(SKEncodedImageFormat.Jpeg, 80).ToArray();
    }

    [GeneratedRegex("^<!DOCTYPE html>")]
    private static partial Regex Doctype();
}
