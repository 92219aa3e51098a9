using System.CommandLine;
using Google.Protobuf;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma feedback</c>: says whether an answer was right.</summary>
internal static class FeedbackCommand
{
    private static readonly Argument<string> Id = new("PREDICTION-ID") { Description = "The prediction id of the answer." };
    private static readonly Option<bool> Agree = new("--agree") { Description = "The diagnosis is right." };
    private static readonly Option<bool> Disagree = new("--disagree") { Description = "The diagnosis is wrong." };
    private static readonly Option<string?> Diagnosis = new("--diagnosis") { Description = "With --disagree: what it is, if that is known.", HelpName = "NAME" };
    private static readonly Option<string?> Comment = new("--comment") { Description = "For the data team, on one line; no names of patients.", HelpName = "TEXT" };
    private static readonly Option<FileInfo?> Image =
        new("--image") { Description = "The picture that was classified: the consent that it is kept and learned from. Without it no picture is kept.", HelpName = "FILE" };

    public static Command Create() =>
        new Command("feedback", "Say whether an answer was right.") { Id, Agree, Disagree, Diagnosis, Comment, Image }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var agrees = context.Arguments.GetValue(Agree);
        if (agrees == context.Arguments.GetValue(Disagree))
            throw new CommandFailure("Say either --agree or --disagree.", ExitCodes.Usage);
        var request = new SendFeedbackRequest
        {
            PredictionId = context.Arguments.GetRequiredValue(Id),
            Verdict = agrees ? FeedbackVerdict.Agree : FeedbackVerdict.Disagree,
        };
        if (context.Arguments.GetValue(Diagnosis) is { } diagnosis)
            request.Diagnosis = diagnosis;
        if (context.Arguments.GetValue(Comment) is { } comment)
            request.Comment = comment;
        if (context.Arguments.GetValue(Image) is { } file)
        {
            if (!file.Exists)
                throw new CommandFailure($"{file} does not exist.");
            request.Image = UnsafeByteOperations.UnsafeWrap(await Picture.FromFile(file.FullName, file.Name).ReadAsync(cancellationToken));
        }

        // Said again it is the same feedback, so it may be repeated as a reading may.
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Classifier.SendFeedbackAsync(request, options), cancellationToken);
        context.Terminal.Write(
            new FeedbackDocument(answer.FeedbackId, answer.Time.ToDateTimeOffset(), answer.AlreadyGiven, answer.ImageTaken),
            console => console.MarkupLineInterpolated($"Feedback [bold]{answer.FeedbackId}[/] {(answer.AlreadyGiven ? "was given before." : "is with the data team.")} {(answer.ImageTaken ? "The picture is kept." : "No picture is kept.")}"));
        return ExitCodes.Success;
    }
}

/// <summary>What was taken.</summary>
internal sealed record FeedbackDocument(string FeedbackId, DateTimeOffset Time, bool AlreadyGiven, bool ImageTaken);
