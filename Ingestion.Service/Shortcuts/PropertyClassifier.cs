namespace Melanoma.Ingestion.Shortcuts;

/// <summary>
/// Naive Bayes over the categories of the properties, with Laplace's rule and all classes equally likely beforehand, trained on four folds and asked about the
/// fifth.
/// It is a lower bound: a network sees more than these properties.
/// </summary>
internal static class PropertyClassifier
{
    /// <summary>The probability of each class for each cell, from the other folds.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="properties">How many properties a cell has.</param>
    /// <param name="shares">What part of each image of a cell counts in each class.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <returns>Cells x classes.</returns>
    public static float[,] Predict(ShortcutCell[] cells, int properties, double[][] shares, int classes)
    {
        const int Categories = 1 << PropertyCodes.Bits;
        var all = new double[properties, Categories, classes];
        var folds = new double[ShortcutCells.Folds, properties, Categories, classes];
        var sums = new double[ShortcutCells.Folds + 1, classes];
        for (var i = 0; i < cells.Length; i++)
        {
            var fold = cells[i].Fold(properties);
            for (var c = 0; c < classes; c++)
            {
                var share = cells[i].Count * shares[i][c];
                if (share == 0)
                    continue;
                sums[fold, c] += share;
                sums[ShortcutCells.Folds, c] += share;
                for (var p = 0; p < properties; p++)
                {
                    all[p, cells[i].Code(p), c] += share;
                    folds[fold, p, cells[i].Code(p), c] += share;
                }
            }
        }

        var logs = new float[ShortcutCells.Folds, properties, Categories, classes];
        for (var p = 0; p < properties; p++)
        {
            var used = Enumerable.Range(0, Categories).Count(v => Enumerable.Range(0, classes).Any(c => all[p, v, c] > 0));
            for (var fold = 0; fold < ShortcutCells.Folds; fold++)
            {
                for (var v = 0; v < Categories; v++)
                {
                    for (var c = 0; c < classes; c++)
                    {
                        var (having, others) = (all[p, v, c] - folds[fold, p, v, c], sums[ShortcutCells.Folds, c] - sums[fold, c]);
                        logs[fold, p, v, c] = (float)Math.Log((having + 1) / (others + used));
                    }
                }
            }
        }

        var probabilities = new float[cells.Length, classes];
        for (var i = 0; i < cells.Length; i++)
            Score(cells[i], properties, classes, logs, probabilities, i);
        return probabilities;
    }

    /// <summary>Mean recall over the classes that count; the first of equals is the answer.</summary>
    public static double BalancedAccuracy(float[,] probabilities, ShortcutCell[] cells, double[][] shares, IReadOnlyList<int> counted)
    {
        var hits = new double[shares.Length == 0 ? 0 : shares[0].Length];
        var sums = new double[hits.Length];
        for (var i = 0; i < shares.Length; i++)
        {
            var best = counted[0];
            foreach (var c in counted)
            {
                if (probabilities[i, c] > probabilities[i, best])
                    best = c;
                sums[c] += cells[i].Count * shares[i][c];
            }

            hits[best] += cells[i].Count * shares[i][best];
        }

        return counted.Average(c => hits[c] / sums[c]);
    }

    /// <summary>Area under the ROC curve of one class against the rest; equals count half.</summary>
    public static double Auc(float[,] probabilities, ShortcutCell[] cells, double[][] shares, int ofClass)
    {
        var order = new int[shares.Length];
        var keys = new float[order.Length];
        for (var i = 0; i < order.Length; i++)
            (order[i], keys[i]) = (i, probabilities[i, ofClass]);
        Array.Sort(keys, order);
        double below = 0, positives = 0, area = 0;
        for (int from = 0, to = 0; from < order.Length; from = to)
        {
            double inside = 0, outside = 0;
            for (; to < order.Length && keys[to] == keys[from]; to++)
            {
                var share = shares[order[to]][ofClass];
                inside += cells[order[to]].Count * share;
                outside += cells[order[to]].Count * (1 - share);
            }

            area += inside * (below + (outside / 2));
            below += outside;
            positives += inside;
        }

        return positives == 0 || below == 0 ? 0.5 : area / (positives * below);
    }

    private static void Score(in ShortcutCell cell, int properties, int classes, float[,,,] logs, float[,] probabilities, int at)
    {
        var fold = cell.Fold(properties);
        var most = float.NegativeInfinity;
        for (var c = 0; c < classes; c++)
        {
            float sum = 0;
            for (var p = 0; p < properties; p++)
                sum += logs[fold, p, cell.Code(p), c];
            probabilities[at, c] = sum;
            most = Math.Max(most, sum);
        }

        float total = 0;
        for (var c = 0; c < classes; c++)
            total += probabilities[at, c] = MathF.Exp(probabilities[at, c] - most);
        for (var c = 0; c < classes; c++)
            probabilities[at, c] /= total;
    }
}
