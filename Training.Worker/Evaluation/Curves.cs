using Melanoma.Contracts.Models;

namespace Melanoma.Training.Evaluation;

/// <summary>Curves over falling thresholds, thinned to what a plot can show.</summary>
internal static class Curves
{
    private const int MostPoints = 101;

    /// <summary>Share of the others at or above each threshold against share of the positives; from (0, 0) to (1, 1), empty when a side has no picture.</summary>
    /// <param name="tied">Pictures of one score together, scores falling: how many positives and how many others.</param>
    public static IReadOnlyList<CurvePoint> Roc(IReadOnlyList<(int Positives, int Others)> tied)
    {
        var (positives, others) = (tied.Sum(step => step.Positives), tied.Sum(step => step.Others));
        if (positives == 0 || others == 0)
        {
            return [];
        }

        var points = new List<CurvePoint> { new(0, 0) };
        var (found, alarms) = (0, 0);
        foreach (var step in tied)
        {
            (found, alarms) = (found + step.Positives, alarms + step.Others);
            points.Add(Rounded((double)alarms / others, (double)found / positives));
        }

        return Thinned(points, point => (point.X + point.Y) / 2);
    }

    /// <summary>Share of the positives at or above each threshold against their share there; empty without positives.</summary>
    /// <param name="tied">As above.</param>
    public static IReadOnlyList<CurvePoint> PrecisionRecall(IReadOnlyList<(int Positives, int Others)> tied)
    {
        var positives = tied.Sum(step => step.Positives);
        if (positives == 0)
        {
            return [];
        }

        var points = new List<CurvePoint>();
        var (found, given) = (0, 0);
        foreach (var step in tied)
        {
            (found, given) = (found + step.Positives, given + step.Positives + step.Others);

            // Thresholds that find no further melanoma only lower the precision: the point before them is the one that anybody would choose.
            if (step.Positives > 0)
            {
                points.Add(Rounded((double)found / positives, (double)found / given));
            }
        }

        return Thinned(points, point => point.X);
    }

    /// <summary>Share of pictures that are answered, the most certain first, against the share of wrong answers among them.</summary>
    /// <param name="tied">Pictures of one certainty together, certainties falling: how many right answers and how many wrong ones.</param>
    public static IReadOnlyList<CurvePoint> RiskCoverage(IReadOnlyList<(int Right, int Wrong)> tied)
    {
        var all = tied.Sum(step => step.Right + step.Wrong);
        var points = new List<CurvePoint>();
        var (answered, wrong) = (0, 0);
        foreach (var step in tied)
        {
            (answered, wrong) = (answered + step.Right + step.Wrong, wrong + step.Wrong);
            points.Add(Rounded((double)answered / all, (double)wrong / answered));
        }

        return Thinned(points, point => point.X);
    }

    // Four decimals are more than a plot shows, and a third of the stored text.
    private static CurvePoint Rounded(double x, double y) => new(Math.Round(x, 4), Math.Round(y, 4));

    /// <summary>The first and the last point, and between them one for each hundredth of the way.</summary>
    /// <param name="way">How far along the curve a point is, 0 to 1, never falling.</param>
    private static List<CurvePoint> Thinned(List<CurvePoint> points, Func<CurvePoint, double> way)
    {
        if (points.Count <= MostPoints)
        {
            return points;
        }

        var kept = new List<CurvePoint> { points[0] };
        var next = 1;
        foreach (var point in points[1..^1])
        {
            if (way(point) * (MostPoints - 1) >= next && kept.Count < MostPoints - 1)
            {
                kept.Add(point);
                next = (int)(way(point) * (MostPoints - 1)) + 1;
            }
        }

        kept.Add(points[^1]);
        return kept;
    }
}
