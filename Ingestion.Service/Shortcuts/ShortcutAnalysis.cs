using System.Globalization;
using System.Runtime.InteropServices;
using Melanoma.Contracts;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>
/// Whether the classes of a dataset can be told from camera, collection and compression: then a network can learn those instead of the lesions.
/// </summary>
internal static class ShortcutAnalysis
{
    /// <summary>Cramer's V above which a property is warned of.</summary>
    public const double MaxV = 0.3;

    /// <summary>Area under the ROC curve above which the properties together are warned of.</summary>
    public const double MaxAuc = 0.75;

    /// <summary>A class of fewer images is counted in the tables, and neither judged nor named.</summary>
    public const int MinClassImages = 20;

    /// <summary>
    /// Analyses a dataset. Time and memory grow with the images, times the logarithm of their number; the result does not depend on their order.
    /// </summary>
    /// <param name="images">Its images; variants made from them are left out by the caller.</param>
    public static ShortcutReport Analyse(IReadOnlyList<ShortcutImage> images)
    {
        var properties = Read(images);
        var cells = ShortcutCells.Of(images, properties);
        var labels = new Dictionary<DiagnosisSet, int>();
        foreach (var cell in cells)
            CollectionsMarshal.GetValueRefOrAddDefault(labels, cell.Label(properties.Length), out _) += cell.Count;
        var classes = new LabelClasses(labels);
        double[][] shares = [.. cells.Select(cell => classes.SharesOf(cell.Label(properties.Length)))];
        int[] judged = [.. Enumerable.Range(0, classes.Classes.Count)
            .Where(c => labels.Sum(label => label.Value * classes.SharesOf(label.Key)[c]) >= MinClassImages)];

        PropertyShortcut[] found = [.. properties
            .Select((property, p) => Judge(property, Table(cells, shares, p, classes.Classes.Count), classes.Classes, judged))
            .OrderByDescending(shortcut => shortcut.Strength)];
        var warnings = found.Where(shortcut => shortcut.Strength > MaxV).Select(Warn).ToList();
        if (judged.Length < 2)
            return new(found, 1, 1, [], warnings);

        var probabilities = PropertyClassifier.Predict(cells, properties.Length, shares, classes.Classes.Count);
        ClassAuc[] aucs = [.. judged.Select(c => new ClassAuc(classes.Classes[c], PropertyClassifier.Auc(probabilities, cells, shares, c)))];
        if (aucs.Any(auc => auc.Auc > MaxAuc))
            warnings.Add(Warn(aucs));
        return new(found, PropertyClassifier.BalancedAccuracy(probabilities, cells, shares, judged), 1.0 / judged.Length, aucs, warnings);
    }

    private static PropertyCodes[] Read(IReadOnlyList<ShortcutImage> images)
    {
        var n = images.Count;
        PropertyCodes Number(PropertyWords words, Func<ImageProperties, double?> value) =>
            PropertyCodes.Number(words, n, i => images[i].Properties is { } properties ? value(properties) : null);
        PropertyCodes Text(PropertyWords words, Func<ShortcutImage, string?> value) =>
            PropertyCodes.Named(words, n, i => value(images[i]) is { } text ? new Text(text) : (Text?)null, text => text.Value);
        return
        [
            Text(new("source", "comes from", "come from", "a collection that nobody named"), image => image.Source),
            Text(new("licence", "carries", "carry", "no licence"), image => image.Licence),
            PropertyCodes.Named(
                new("size", "has", "have", "no size"), n, i => ((int, int)?)(images[i].Width, images[i].Height), size => $"{size.Item1} x {size.Item2} pixels"),
            Number(new("JPEG quality", "has", "have", "no JPEG quality", "a JPEG quality"), properties => properties.JpegQuality),
            PropertyCodes.Named(
                new("JPEG tables", "has", "have", "no JPEG tables"), n, i => images[i].Properties?.JpegTables,
                hash => string.Create(CultureInfo.InvariantCulture, $"the JPEG tables {hash:x16}")),
            PropertyCodes.Named(
                new("JPEG colours", "has", "have", "no measured colours"), n, i => images[i].Properties?.Subsampling, Subsampled),
            PropertyCodes.Number(new("sharpness", "has", "have", "no measured sharpness", "a sharpness"), n, i => images[i].Sharpness),
            Number(
                new("corner brightness", "has", "have", "no measured corners", "a brightness of corners over sides"),
                properties => properties.CornerBrightness),
            Number(new("dark corners", "has", "have", "no measured corners", "a dark share of the corners"), properties => properties.DarkCorners),
            Number(new("dark sides", "has", "have", "no measured sides", "a dark share of the sides"), properties => properties.DarkSides),
        ];
    }

    private static string Subsampled(ChromaSubsampling subsampling) => subsampling switch
    {
        ChromaSubsampling.None => "no JPEG colours",
        ChromaSubsampling.Full => "JPEG colours at full size (4:4:4)",
        ChromaSubsampling.HalfWidth => "JPEG colours at half the width (4:2:2)",
        ChromaSubsampling.Quarter => "JPEG colours at half the size (4:2:0)",
        _ => "JPEG colours in a rare layout",
    };

    private static double[,] Table(ShortcutCell[] cells, double[][] shares, int property, int classes)
    {
        var table = new double[1 << PropertyCodes.Bits, classes];
        for (var i = 0; i < cells.Length; i++)
        {
            for (var c = 0; c < classes; c++)
                table[cells[i].Code(property), c] += cells[i].Count * shares[i][c];
        }

        return table;
    }

    private static PropertyShortcut Judge(PropertyCodes property, double[,] table, IReadOnlyList<DiagnosisSet> classes, int[] judged)
    {
        var (strongest, v) = (-1, 0.0);
        foreach (var c in judged.Length < 2 ? [] : judged)
        {
            if (CramersV.Of(AgainstRest(table, c)) is var here && here > v)
                (strongest, v) = (c, here);
        }

        var sentence = ShortcutSentence.Of(property, TellingSplit.Find(table, property.Ordered, judged), classes);
        return new(property.Words.Name, CramersV.Of(table), strongest < 0 ? null : classes[strongest], v, sentence);
    }

    private static double[,] AgainstRest(double[,] table, int ofClass)
    {
        var two = new double[table.GetLength(0), 2];
        for (var v = 0; v < table.GetLength(0); v++)
        {
            for (var c = 0; c < table.GetLength(1); c++)
                two[v, c == ofClass ? 0 : 1] += table[v, c];
        }

        return two;
    }

    private static string Warn(PropertyShortcut shortcut) => string.Create(
        CultureInfo.InvariantCulture,
        $"The class can be told by {shortcut.Name} (Cramer's V {shortcut.Strength:0.00}): {shortcut.Sentence}. A model may learn this instead of the lesions.");

    private static string Warn(ClassAuc[] aucs)
    {
        var told = aucs.Where(auc => auc.Auc > MaxAuc)
            .OrderByDescending(auc => auc.Auc)
            .Select(auc => string.Create(CultureInfo.InvariantCulture, $"{auc.Class} ({auc.Auc:0.00})"));
        return "From the properties alone, without the picture, these classes can be told from the rest (area under the ROC curve, 0.50 is chance): "
            + $"{string.Join(", ", told)}.";
    }

    private readonly record struct Text(string Value);
}
