using System.CommandLine;
using Melanoma.Cli.Output;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma classify</c>: asks the model about pictures.</summary>
internal static class ClassifyCommand
{
    private const int PicturesWithBars = 3;

    private static readonly Argument<string[]> Paths = new("IMAGE|FOLDER") { Description = "Pictures, or folders of pictures.", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string?> ModelVersion = new("--model-version") { Description = "Ask this version instead of the one in production.", HelpName = "VERSION" };
    private static readonly Option<string?> CaseReference = new("--case-reference") { Description = "A pseudonym for the case, kept with the answer.", HelpName = "TEXT" };

    public static Command Create() =>
        new Command("classify", "Ask for the probabilities of the nine diagnoses.") { Paths, ModelVersion, CaseReference }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var pictures = context.Arguments.GetRequiredValue(Paths).SelectMany(Find).ToList();
        if (pictures.Count == 0)
            throw new CommandFailure("There are no pictures in that folder.");
        var gateway = await context.ConnectAsync(cancellationToken);
        var classifier = new PictureClassifier(gateway, context.Arguments.GetValue(ModelVersion), context.Arguments.GetValue(CaseReference));
        var refused = 0;
        Classification? last = null;
        var complete = await WithProgressAsync(context.Terminal, pictures.Count, shown => classifier.ClassifyAsync(pictures, answer =>
        {
            shown();
            last = answer;
            refused += answer.IsAnswer ? 0 : 1;
            context.Terminal.Write(answer, console => ClassificationScreen.Write(console, answer, withBars: pictures.Count <= PicturesWithBars));
        }, cancellationToken));
        if (!complete)
            throw new CommandFailure(last?.Error ?? "Not every picture was asked about.");
        if (!context.Terminal.IsJson)
            ClassificationScreen.WriteNotice(context.Terminal.Human);
        return refused > 0 ? ExitCodes.SomeRefused : ExitCodes.Success;
    }

    private static IEnumerable<Picture> Find(string path)
    {
        if (Directory.Exists(path))
            return PictureFiles.Under(path).Select(file => Picture.FromFile(file.Path, Path.Combine(path, file.Name)));
        return File.Exists(path) ? [Picture.FromFile(path, path)] : throw new CommandFailure($"{path} does not exist.");
    }

    private static Task<bool> WithProgressAsync(Terminal terminal, int count, Func<Action, Task<bool>> work) =>
        count <= PicturesWithBars
            ? work(() => { })
            : terminal.ProgressAsync(ProgressColumns.ForItems("pictures"), progress =>
            {
                var bar = progress.AddTask("Classifying", maxValue: count);
                return work(() => bar.Increment(1));
            });
}
