using System.CommandLine;
using System.Globalization;
using System.Text;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma predictions</c>: answers that were given before.</summary>
internal static class PredictionCommands
{
    private static readonly Argument<string> Id = new("PREDICTION-ID") { Description = "The prediction id of the answer." };

    private static readonly Option<FileInfo?> Into = new("--into") { Description = "The file to write; standard output when not given.", HelpName = "FILE" };

    public static Command Create() =>
        new Command("predictions", "Fetch answers that were given before.")
        {
            new Command("show", "One answer as the audit has it.") { Id }.Runs(ShowAsync),
            new Command("fhir", "One answer as a FHIR R4 Bundle.") { Id, Into }.Runs(ShowBundleAsync),
        };

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetPredictionRequest { PredictionId = context.Arguments.GetRequiredValue(Id) };
        var prediction = await gateway.ReadAsync(options => gateway.Predictions.GetPredictionAsync(request, options), cancellationToken);
        context.Terminal.Write(PredictionDocument.From(prediction), console => Write(console, prediction));
        return ExitCodes.Success;
    }

    // The bundle is JSON already, whatever --json says.
    private static async Task<int> ShowBundleAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetPredictionBundleRequest { PredictionId = context.Arguments.GetRequiredValue(Id) };
        var bundle = await gateway.ReadAsync(options => gateway.Predictions.GetPredictionBundleAsync(request, options), cancellationToken);
        if (context.Arguments.GetValue(Into) is { } file)
            await File.WriteAllBytesAsync(file.FullName, bundle.Data.ToByteArray(), cancellationToken);
        else
            await Console.Out.WriteLineAsync(Encoding.UTF8.GetString(bundle.Data.Span));
        return ExitCodes.Success;
    }

    private static void Write(IAnsiConsole console, Prediction prediction)
    {
        console.MarkupLineInterpolated($"[bold]{prediction.PredictionId}[/] of {prediction.Time.ToDateTimeOffset():u}, asked by {prediction.Caller}{(prediction.HasCaseReference ? $" for case {prediction.CaseReference}" : "")}");
        console.MarkupLineInterpolated($"Decision [bold]{Classification.NameOf(prediction.Decision) ?? "none"}[/]{(prediction.Reasons.Count > 0 ? $" ({string.Join(", ", prediction.Reasons)})" : "")}, diagnosis [bold]{prediction.Diagnosis}[/], by model version {prediction.ModelVersion}");
        foreach (var probability in prediction.Probabilities.OrderByDescending(probability => probability.Probability))
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{probability.Probability,8:0.0000}  {probability.Diagnosis}"));
        console.WriteLine($"SHA-256 of the image: {prediction.ImageSha256}");
        ClassificationScreen.WriteNotice(console);
    }
}

/// <summary>An answer as the audit has it.</summary>
internal sealed record PredictionDocument(
    string PredictionId, DateTimeOffset Time, string Caller, string? CaseReference, string ModelVersion, string ImageSha256, string Diagnosis, string? Decision,
    IReadOnlyList<string> Reasons, IReadOnlyDictionary<string, double> Probabilities)
{
    public static PredictionDocument From(Prediction prediction) => new(
        prediction.PredictionId, prediction.Time.ToDateTimeOffset(), prediction.Caller, prediction.HasCaseReference ? prediction.CaseReference : null, prediction.ModelVersion,
        prediction.ImageSha256, prediction.Diagnosis, Classification.NameOf(prediction.Decision), [.. prediction.Reasons],
        prediction.Probabilities.ToDictionary(probability => probability.Diagnosis, probability => probability.Probability));
}
