using System.Globalization;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Figures of one half (or both) of a run over two collections.</summary>
internal sealed record CrossFigures(string Half, int Shared, int SharedFound, int True, int SameLesion, int Unknown, int False)
{
    public double Recall => (double)SharedFound / Shared;

    /// <summary>Two ids of one lesion that nobody viewed count as false here.</summary>
    public double Precision => (double)True / Math.Max(1, True + SameLesion + False);

    /// <summary>Pairs that were listed and not viewed count as false here too: no true figure can be lower.</summary>
    public double PrecisionAtLeast => (double)True / Math.Max(1, True + SameLesion + Unknown + False);
}

/// <summary>Pairs found within one collection, by what is known of them.</summary>
internal sealed record WithinFigures(string Collection, int SameId, int Verified, int SameLesion, int Unknown, int DifferentLesions);

/// <summary>Takes two collections in, one behind the other, and counts the pairs between and within them.</summary>
internal static class CrossCheck
{
    public static (CrossFigures[] Cross, WithinFigures[] Within, Intake Intake) Run(string firstName, Picture[] first, string secondName, Picture[] second, Truth truth)
    {
        var intake = new Intake();
        foreach (var picture in first.Concat(second))
            intake.Take(picture);
        var firstIds = first.Select(p => p.Id).ToHashSet();
        var between = intake.Found.Where(p => firstIds.Contains(p.Older.Id) != firstIds.Contains(p.Newer.Id)).ToArray();
        var shared = first.Select(p => p.IsicId).Intersect(second.Select(p => p.IsicId)).ToHashSet();
        var cross = new[]
        {
            Count("tuned on", between, shared, truth, Truth.IsTuning),
            Count("held out", between, shared, truth, id => !Truth.IsTuning(id)),
            Count("both", between, shared, truth, _ => true),
        };
        WithinFigures[] within =
        [
            CountWithin(firstName, intake.Found.Where(p => firstIds.Contains(p.Older.Id) && firstIds.Contains(p.Newer.Id)), truth),
            CountWithin(secondName, intake.Found.Where(p => !firstIds.Contains(p.Older.Id) && !firstIds.Contains(p.Newer.Id)), truth),
        ];
        return (cross, within, intake);
    }

    private static CrossFigures Count(string half, FoundPair[] found, HashSet<string> shared, Truth truth, Func<string, bool> counts)
    {
        var pairs = found.Select(p => Truth.Ordered(p.Newer.IsicId, p.Older.IsicId)).Where(p => counts(p.Item1)).Distinct().ToArray();
        var by = pairs.ToLookup(p => truth.Of(p.Item1, p.Item2));
        return new(
            half,
            shared.Count(counts),
            pairs.Count(p => p.Item1 == p.Item2 && shared.Contains(p.Item1)),
            by[Verdict.True].Count(),
            by[Verdict.SameLesion].Count(),
            by[Verdict.Unknown].Count(),
            by[Verdict.False].Count());
    }

    private static WithinFigures CountWithin(string name, IEnumerable<FoundPair> found, Truth truth)
    {
        var pairs = found.Select(p => Truth.Ordered(p.Newer.IsicId, p.Older.IsicId)).Distinct().ToArray();
        var by = pairs.ToLookup(p => truth.Of(p.Item1, p.Item2));
        return new(
            name,
            pairs.Count(p => p.Item1 == p.Item2),
            by[Verdict.True].Count(p => p.Item1 != p.Item2),
            by[Verdict.SameLesion].Count(),
            by[Verdict.Unknown].Count(),
            by[Verdict.False].Count());
    }

    public static string Line(CrossFigures f) => string.Create(CultureInfo.InvariantCulture,
        $"| {f.Half} | {f.SharedFound} of {f.Shared} | {f.Recall:0.0000} | {f.Precision:0.0000} | {f.PrecisionAtLeast:0.0000} | {f.True} | {f.SameLesion} | {f.Unknown} | {f.False} |");

    public static string Line(WithinFigures f) => $"| {f.Collection} | {f.SameId} | {f.Verified} | {f.SameLesion} | {f.Unknown} | {f.DifferentLesions} |";
}
