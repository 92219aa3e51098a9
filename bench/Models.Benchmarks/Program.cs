using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Exports;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.Models;

// Usage: EXPORT.zip [--model FOLDER] [--data FOLDER] [--others FOLDER] [--decisions]. Everything that a model card says of a model, measured on the export's test split; see bench/README.md.
using var model = new ServedModel(await ModelFolder.ServingFileAsync(Option("--model") ?? "models", CancellationToken.None));
Console.WriteLine($"The {model.Properties.Precision} file of the model, which answers.");
var test = TestPictures.Of(args[0], Split.Test);
Head("Pictures that get no decision", "pictures", "number", "for their quality", "for their distance", "for either");
PicturesRefused.Write(model, test, Option("--others"), (name, count, quality, distance, either) => Console.WriteLine($"| {name} | {count} | {Share(quality)} | {Share(distance)} | {Share(either)} |"));
if (Option("--data") is { } collections && model.Properties.HasActivationMap && File.Exists(Path.Combine(collections, "ham10000-masks.zip")))
{
    var looked = LesionMasks.Measure(model, test, Path.Combine(collections, "ham10000-masks.zip"));
    Head("Where the activation map of the diagnosis looks, HAM10000", "pictures with a mask", "peak in the lesion", "weight in the lesion", "lesion's share of the picture", "ms without map", "ms with map");
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {looked.Pictures} | {looked.PeakInside:0.0 %} | {looked.MassInside:0.0 %} | {looked.LesionShare:0.0 %} | {looked.Milliseconds:0.00} | {looked.MillisecondsWithMap:0.00} |"));
}

if (args.Contains("--decisions"))
{
    return;
}

var squares = test.Squares(model.Side);
var views = Enumerable.Range(0, SquareSymmetry.Count).Select(view => model.Ask(squares, view)).ToArray();
var logits = views[0].Logits;
float[] mean = [.. Enumerable.Range(0, logits.Length).Select(i => views.Average(view => view.Logits[i]))];
var prior = model.Properties.ClassPrior;
var ham = Where(row => row.Source == "HAM10000");

Head("Test split, the seven classes of HAM10000", "pictures", "images", "lesions", "accuracy", "balanced accuracy", "melanoma AUC");
Row("all", Seven(logits, All()));
Row("all, mean of eight views", Seven(mean, All()));
Row("HAM10000", Seven(logits, ham));
Row("HAM10000, mean of eight views", Seven(mean, ham));
Row("other sources", Seven(logits, Where(row => row.Source != "HAM10000")));
foreach (var (name, key) in (ReadOnlySpan<(string, Func<int, string>)>)[("sex", i => test.Rows[i].Sex), ("age", i => Decade(test.Rows[i].Age)), ("site", i => test.Rows[i].Site)])
{
    foreach (var part in All().GroupBy(key).Where(part => part.Count() >= 100).OrderBy(part => part.Key, StringComparer.Ordinal))
    {
        Row($"{name} {(part.Key.Length > 0 ? part.Key : "unknown")}", Seven(logits, [.. part]));
    }
}

Head("Melanoma at the operating points that were chosen on validation", "pictures", "sensitivity at t90", "specificity at t90", "sensitivity at t95", "specificity at t95", "calibration error");
foreach (var (name, places) in (ReadOnlySpan<(string, int[])>)[("all", All()), ("HAM10000", ham)])
{
    var judged = Judge(logits, places, ClassVocabulary.Fine);
    var figures = judged.Figures(judged, model.Properties.OperatingPoints, seed: 1);
    Console.WriteLine($"| {name} | {Three(figures.SensitivityAtT90)} | {Three(figures.SpecificityAtT90)} | {Three(figures.SensitivityAtT95)} | {Three(figures.SpecificityAtT95)} | {Three(figures.CalibrationErrorAfter)} |");
}

Head("How steady the diagnosis is", "change", "diagnoses that change");
Console.WriteLine($"| one of the eight turned and mirrored views, share of lesions | {Share(Judgement.FlipRate(model.Rule, prior, [.. views.Select(view => view.Logits)], test.Samples, seed: 1)!.Value.Rate)} |");
Console.WriteLine($"| one of them, share of (picture, view) pairs | {Share(views.Skip(1).Average(view => Changed(view.Logits)))} |");
foreach (var quality in (ReadOnlySpan<int>)[95, 80, 60])
{
    Console.WriteLine($"| JPEG quality {quality} | {Share(Changed(model.Ask(test.Squares(model.Side, image => TestPictures.Decode(ImageEncoder.EncodeJpeg(image, quality)))).Logits))} |");
}

foreach (var scale in (ReadOnlySpan<double>)[0.75, 0.5])
{
    Console.WriteLine($"| scaled by {scale.ToString(CultureInfo.InvariantCulture)} | {Share(Changed(model.Ask(test.Squares(model.Side, image => AreaFilter.Resize(image, (int)(image.Width * scale), (int)(image.Height * scale)))).Logits))} |");
}

CompressionShortcut();
SourceShortcut();
if (Option("--data") is { } data)
{
    DeliveredTestFolder.Write(model, data, Row);
}

// The same lesions from both packs of HAM10000, cut to the same window: the centre square, of which one has a third of the original's scale and the other half.
void CompressionShortcut()
{
    const int CoarseSide = 150;
    var small = Pack(200, 150);
    var fine = Pack(224, 224);
    string[] common = [.. small.Keys.Intersect(fine.Keys)];
    Head("The same lesions in two encodings, the same window and scale", "pack", "images", "lesions", "accuracy", "balanced accuracy", "melanoma AUC");
    Row("200 x 150, JPEG quality 75", Cut(small, Centre));
    Row("224 x 224, brought to that scale", Cut(fine, image => AreaFilter.Resize(image, CoarseSide, CoarseSide)));

    VocabularyFigures Cut(Dictionary<string, int> pack, Func<RgbImage, RgbImage> change)
    {
        var pictures = TestPictures.Of([.. common.Select(id => test.Rows[pack[id]])], [.. common.Select(id => test.Files[pack[id]])]);
        return Judgement.Of(model.Rule, prior, model.Ask(pictures.Squares(model.Side, change)).Logits, pictures.Samples, ClassVocabulary.Ham10000).VocabularyFigures(seed: 1);
    }

    Dictionary<string, int> Pack(int width, int height) => ham
        .Where(i => test.Rows[i].IsicIds.Count == 1 && TestPictures.Decode(test.Files[i]) is var image && (image.Width, image.Height) == (width, height))
        .DistinctBy(i => test.Rows[i].IsicIds[0]).ToDictionary(i => test.Rows[i].IsicIds[0]);

    static RgbImage Centre(RgbImage image)
    {
        var centre = new RgbImage(CoarseSide, CoarseSide);
        for (var y = 0; y < CoarseSide; y++)
        {
            image.Row(y).Slice((image.Width - CoarseSide) / 2 * 3, CoarseSide * 3).CopyTo(centre.Row(y));
        }

        return centre;
    }
}

// Where classes come from different sources, telling the sources apart looks like telling the classes apart.
void SourceShortcut()
{
    int[] once = [.. Enumerable.Repeat(1, test.Samples.Length)];
    var probabilities = All().Select(i => model.Rule.Probabilities(logits.AsSpan(i * Diagnoses.Count, Diagnoses.Count))).ToArray();
    Head("The source as a shortcut, AUC", "of", "within HAM10000", "across sources");
    foreach (var diagnosis in (ReadOnlySpan<Diagnosis>)[Diagnosis.Melanoma, Diagnosis.Nevus])
    {
        Console.WriteLine($"| {Diagnoses.NameOf(diagnosis)} against the rest | {Three(Auc(ham))} | {Three(Auc(All()))} |");

        double? Auc(int[] places) => Ranking.Auc(Ranking.Of(places, i => probabilities[i][(int)diagnosis]), i => test.Rows[i].Label == DiagnosisSet.Of(diagnosis), once);
    }

    // Fitted on validation, judged on test; two of the nine places stand for the two kinds of source.
    var validation = TestPictures.Of(args[0], Split.Validation);
    var fit = LogisticRegression.Fit(
        model.Ask(validation.Squares(model.Side)).Embeddings, [.. validation.Rows.Select(row => DiagnosisSet.Of((Diagnosis)(row.Source == "HAM10000" ? 0 : 1)))], 1, CancellationToken.None);
    var guess = Ranking.Auc(Ranking.Of(All(), i => fit.Predict(views[0].Embeddings[i])[1]), i => test.Rows[i].Source != "HAM10000", once);
    Console.WriteLine($"| the source itself, guessed from the embedding | | {Three(guess)} |");
}

VocabularyFigures Seven(float[] from, int[] places) => Judge(from, places, ClassVocabulary.Ham10000).VocabularyFigures(seed: 1);

Judgement Judge(float[] from, int[] places, ClassVocabulary vocabulary) => Judgement.Of(
    model.Rule, prior, [.. places.SelectMany(i => from[(i * Diagnoses.Count)..((i + 1) * Diagnoses.Count)])], [.. places.Select(i => test.Samples[i])], vocabulary);

double Changed(float[] other) => All().Count(i => DiagnosisIn(other, i) != DiagnosisIn(logits, i)) / (double)test.Samples.Length;

Diagnosis DiagnosisIn(float[] from, int i) =>
    DiagnosisRule.Decide(model.Rule.Probabilities(from.AsSpan(i * Diagnoses.Count, Diagnoses.Count)), prior, model.Properties.Unsupported);

int[] All() => [.. Enumerable.Range(0, test.Samples.Length)];

int[] Where(Func<Melanoma.Training.Exports.ExportedImage, bool> wanted) => [.. All().Where(i => wanted(test.Rows[i]))];

static string Decade(string age) => double.TryParse(age, CultureInfo.InvariantCulture, out var years) ? years < 40 ? "under 40" : years < 60 ? "40 to 59" : "60 and over" : "";

static void Head(string title, params string[] columns)
{
    Console.WriteLine($"\n## {title}\n\n| {string.Join(" | ", columns)} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length))}");
}

static void Row(string name, VocabularyFigures figures) => Console.WriteLine(
    $"| {name} | {figures.Images} | {figures.Groups} | {Interval(figures.Accuracy, figures.AccuracyInterval)} | {Interval(figures.BalancedAccuracy, figures.BalancedAccuracyInterval)} | {(figures.MelanomaAuc is { } auc ? Interval(auc, figures.MelanomaAucInterval!) : "")} |");

static string Interval(double value, Interval interval) => $"{Three(value)} [{Three(interval.Low)}, {Three(interval.High)}]";

static string Three(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";

static string Share(double value) => value.ToString("0.0 %", CultureInfo.InvariantCulture);

string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
