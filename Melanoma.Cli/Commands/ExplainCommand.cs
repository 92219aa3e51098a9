using System.CommandLine;
using Google.Protobuf;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma explain</c>: where in a picture the model saw what speaks for a diagnosis.</summary>
internal static class ExplainCommand
{
    private static readonly Argument<FileInfo> Image = new("IMAGE") { Description = "The picture." };
    private static readonly Option<string?> Diagnosis = new("--diagnosis") { Description = "The diagnosis to explain; the answer's own when not given.", HelpName = "NAME" };
    private static readonly Option<string?> ModelVersion = new("--model-version") { Description = "Ask this version instead of the one in production.", HelpName = "VERSION" };
    private static readonly Option<FileInfo?> Into = new("--into") { Description = "The PNG to write: the picture with what speaks for the diagnosis aglow. Beside the picture when not given.", HelpName = "FILE" };

    public static Command Create() =>
        new Command("explain", "Show where in a picture the model saw what speaks for a diagnosis.") { Image, Diagnosis, ModelVersion, Into }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var file = context.Arguments.GetRequiredValue(Image);
        if (!file.Exists)
            throw new CommandFailure($"{file} does not exist.");
        var request = new ExplainRequest { Image = UnsafeByteOperations.UnsafeWrap(await Picture.FromFile(file.FullName, file.Name).ReadAsync(cancellationToken)) };
        if (context.Arguments.GetValue(Diagnosis) is { } diagnosis)
            request.Diagnosis = diagnosis;
        if (context.Arguments.GetValue(ModelVersion) is { } version)
            request.ModelVersion = version;
        var gateway = await context.ConnectAsync(cancellationToken);
        var explained = await gateway.ReadAsync(options => gateway.Classifier.ExplainAsync(request, options), cancellationToken);
        var overlay = context.Arguments.GetValue(Into)?.FullName
            ?? Path.Combine(file.DirectoryName!, $"{Path.GetFileNameWithoutExtension(file.Name)}.{explained.Diagnosis.Replace(' ', '-')}.png");
        if (Path.GetFullPath(overlay) == file.FullName)
            throw new CommandFailure("The overlay would take the picture's place; name another file with --into.");
        await File.WriteAllBytesAsync(overlay, explained.Overlay.ToByteArray(), cancellationToken);
        var answer = Classification.Answered(file.Name, explained.Answer);
        context.Terminal.Write(
            new Explanation(answer, explained.Diagnosis, explained.Rows, explained.Columns, explained.Values, overlay),
            console =>
            {
                ClassificationScreen.Write(console, answer, withBars: true);
                console.WriteLine($"Where the model saw what speaks for {explained.Diagnosis}: {overlay}");
                ClassificationScreen.WriteNotice(console);
            });
        return ExitCodes.Success;
    }

    /// <summary>What is written under --json.</summary>
    /// <param name="Answer">The answer that is explained.</param>
    /// <param name="Diagnosis">The diagnosis whose map this is.</param>
    /// <param name="Rows">Rows of the map.</param>
    /// <param name="Columns">Columns of the map.</param>
    /// <param name="Values">Row by row, what each place adds to the diagnosis' logit.</param>
    /// <param name="Overlay">Where the PNG was written.</param>
    private sealed record Explanation(Classification Answer, string Diagnosis, int Rows, int Columns, IReadOnlyList<float> Values, string Overlay);
}
