namespace Melanoma.Ingestion.Benchmarks;

/// <summary>What the service has to reach, and whether a run did.</summary>
internal static class Goals
{
    private const double ServiceToBare = 0.8;
    private const double SecondToFirst = 5;
    private const double Megabytes = 500;

    /// <summary>A sentence a goal.</summary>
    public static IEnumerable<string> Judge(SetFigures figures)
    {
        var low = Math.Min(figures.ServiceToBareBefore, figures.ServiceToBareAfter);
        var high = Math.Max(figures.ServiceToBareBefore, figures.ServiceToBareAfter);

        // The bare program ran on a faster or slower machine before than after: then nobody knows.
        var verdict = low >= ServiceToBare ? "met" : high < ServiceToBare ? "NOT met" : "unclear, for the machine changed its speed meanwhile: repeat it";
        yield return FormattableString.Invariant($"{figures.Set}: at least {ServiceToBare} of the bare program: {low:0.00} to {high:0.00}, {verdict}.");
        yield return FormattableString.Invariant(
            $"{figures.Set}: the second delivery at least {SecondToFirst} times as fast: {figures.SecondToFirst:0.0}, {Met(figures.SecondToFirst >= SecondToFirst)}.");
        yield return FormattableString.Invariant(
            $"{figures.Set}: less than {Megabytes} MB above the start: {figures.MegabytesAboveStart:0}, {Met(figures.MegabytesAboveStart < Megabytes)}.");
    }

    private static string Met(bool isMet) => isMet ? "met" : "NOT met";
}
