using Melanoma.Cli.Output;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>An answer for people.</summary>
internal static class ClassificationScreen
{
    public static void Write(IAnsiConsole console, Classification answer, bool withBars)
    {
        if (!answer.IsAnswer)
        {
            console.MarkupLineInterpolated($"{answer.File}: [red]{answer.Status}[/] {answer.Error}");
            return;
        }

        var probabilities = answer.Probabilities!;
        console.MarkupLineInterpolated(
            $"{answer.File}: [bold]{answer.Decision}[/] {answer.Diagnosis} {Percent(probabilities.GetValueOrDefault(answer.Diagnosis!))}, melanoma {Percent(answer.MelanomaProbability ?? 0)} [grey](model version {answer.ModelVersion}, answer {answer.PredictionId})[/]");
        foreach (var reason in answer.Reasons ?? [])
            console.MarkupLineInterpolated($"  [yellow]![/] {reason.Message}");
        if (withBars)
            Bars.Write(console, [.. probabilities.Select(item => (item.Key, item.Value))], Percent, largest: 1);
    }

    public static void WriteNotice(IAnsiConsole console) => console.MarkupLine("[grey]For research, not a medical device.[/]");

    private static string Percent(double probability) => FormattableString.Invariant($"{100 * probability:0.0} %");
}
