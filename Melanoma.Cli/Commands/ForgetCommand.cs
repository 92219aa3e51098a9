using System.CommandLine;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma images forget</c>: deletes images for good.</summary>
internal static class ForgetCommand
{
    private static readonly Argument<string[]> Ids = new("ID") { Description = "The images' ids.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Patient =
        new("--patient") { Description = "Instead: all images of this patient, by the pseudonym of the tables.", HelpName = "P" };
    private static readonly Option<string?> Source =
        new("--source") { Description = "With --patient: whose pseudonym it is, as the table says it, when several sources have it.", HelpName = "S" };
    private static readonly Option<bool> Yes = new("--yes") { Description = "Do it; nothing brings the images back." };

    public static Command Create() =>
        new Command("forget", "Delete the bytes of images, or of all images of a patient, for good.") { Ids, Patient, Source, Yes }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new ForgetImagesRequest { ImageIds = { context.Arguments.GetValue(Ids) ?? [] } };
        if (context.Arguments.GetValue(Patient) is { } patient)
            request.PatientId = patient;
        if (context.Arguments.GetValue(Source) is { } source)
            request.Source = source;
        if (request.HasPatientId == (request.ImageIds.Count > 0))
            throw new CommandFailure("Name either images or --patient.", ExitCodes.Usage);
        if (request is { HasSource: true, HasPatientId: false })
            throw new CommandFailure("--source says whose pseudonym --patient is; name the patient.", ExitCodes.Usage);
        if (!context.Arguments.GetValue(Yes))
        {
            throw new CommandFailure(
                "This deletes the images for good, and the datasets that have them can no longer be trained on. Repeat it with --yes.", ExitCodes.Usage);
        }

        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ChangeAsync(options => gateway.Catalog.ForgetImagesAsync(request, options), cancellationToken);
        context.Terminal.Write(
            new ForgottenDocument(answer.Images, [.. answer.TrainedModels], [.. answer.Datasets], [.. answer.RemainingCopies]), console => Write(console, answer));
        return ExitCodes.Success;
    }

    private static void Write(IAnsiConsole console, ForgetImagesResponse answer)
    {
        console.WriteLine(FormattableString.Invariant($"{answer.Images:N0} images were forgotten."));
        if (answer.Datasets.Count > 0)
            console.MarkupLineInterpolated($"[yellow]These datasets have them and can no longer be trained on: {string.Join(", ", answer.Datasets)}.[/]");
        if (answer.TrainedModels.Count > 0)
        {
            console.MarkupLineInterpolated(
                $"[red]These model versions were trained on them, and still know what they learned: {string.Join(", ", answer.TrainedModels)}.[/]");
        }

        if (answer.RemainingCopies.Count > 0)
        {
            console.MarkupLineInterpolated(
                $"[red]{answer.RemainingCopies.Count} pictures remain that are copies of them, re-scaled or re-compressed. If they must go too, forget them:[/]");
            console.WriteLine($"./melanoma images forget --yes {string.Join(' ', answer.RemainingCopies)}");
        }
    }
}

/// <summary>
/// How many images were forgotten, the model versions and datasets that have any of those named, and the near-duplicates of them that remain (at most 1000).
/// </summary>
internal sealed record ForgottenDocument(
    int Images, IReadOnlyList<string> TrainedModels, IReadOnlyList<int> Datasets, IReadOnlyList<string> RemainingCopies);
