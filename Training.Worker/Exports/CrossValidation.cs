using System.Globalization;
using Melanoma.Storage.Datasets;
using nietras.SeparatedValues;

namespace Melanoma.Training.Exports;

/// <summary>Folds of lesions from a table in place of the dataset's splits: they yield figures, never a model.</summary>
internal static class CrossValidation
{
    /// <summary>The fold of each ISIC id.</summary>
    public static Dictionary<string, int> ReadFolds(string path)
    {
        using var reader = Sep.New(',').Reader(options => options with { Unescape = true }).FromFile(path);
        var folds = new Dictionary<string, int>();
        foreach (var row in reader)
        {
            folds[row["isic_id"].ToString()] = int.Parse(row["fold"].Span, CultureInfo.InvariantCulture);
        }

        return folds;
    }

    /// <summary>
    /// The same images with a fold held out as test and the others as training; those without a fold, and those of a lesion in several, go out of both. The
    /// held-out fold stands in for validation too: nothing is chosen on it.
    /// </summary>
    public static List<ExportedImage> HoldOut(IReadOnlyList<ExportedImage> images, IReadOnlyDictionary<string, int> folds, int heldOut)
    {
        var foldsOfGroup = images.SelectMany(image => image.IsicIds.Where(folds.ContainsKey).Select(id => (image.Group, Fold: folds[id]))).ToLookup(pair => pair.Group, pair => pair.Fold);
        return [.. images.Select(image => image with { Split = SplitOf(foldsOfGroup[image.Group].Distinct().ToArray(), heldOut) })];
    }

    private static Split SplitOf(int[] folds, int heldOut) => folds is [var fold] && fold != heldOut ? Split.Train : folds is [_] ? Split.Validation : Split.Test;
}
