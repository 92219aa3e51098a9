using System.CommandLine;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma reviews</c>: what people have to look at, and what they decide.</summary>
internal static class ReviewCommands
{
    /// <summary>How many items are listed at once at most.</summary>
    public const int LargestPage = 1000;

    private static readonly Argument<string[]> Diagnoses = new("DIAGNOSIS")
    {
        Description = "The label: one diagnosis, or several where it cannot be said more finely.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string[]> Items = new("ITEM") { Description = "The review items.", Arity = ArgumentArity.OneOrMore };
    private static readonly Argument<string> Item = new("ITEM") { Description = "The review item." };
    private static readonly Argument<long> Decision = new("DECISION") { Description = "The decision's number, as the history has it." };

    private static readonly Option<string?> Kind = new Option<string?>("--kind") { Description = "Only items of this kind." }
        .AcceptOnlyFromAmong("conflict", "feedback", "label-error", "lesion-views");

    private static readonly Option<string?> State = new Option<string?>("--state")
    {
        Description = "Only items in this state; open and deferred ones when not given.",
    }.AcceptOnlyFromAmong("open", "deferred", "closed");

    private static readonly Option<string?> Save =
        new("--save") { Description = "Write the picture to this file; further ones of the lesion get a number.", HelpName = "FILE" };

    private static readonly Option<string?> Image = new("--image") { Description = "Only decisions about this image.", HelpName = "ID" };

    private static readonly Option<string> Comment =
        new("--comment") { Description = "Why; kept in the history.", DefaultValueFactory = _ => "", HelpName = "TEXT" };

    private static readonly Option<bool> Preview = new("--preview") { Description = "Only say what it would be about." };

    private static readonly Option<int> Limit =
        new("--limit") { Description = "At most this many, 1 to 1000.", DefaultValueFactory = _ => 100, HelpName = "N" };

    public static Command Create()
    {
        var settle = new Command("settle", "Give pictures a label.") { Diagnoses, Comment, Preview };
        var exclude = new Command("exclude", "Leave pictures out of every later dataset.") { Comment, Preview };
        foreach (var option in ReviewSelection.Options)
        {
            settle.Options.Add(option);
            exclude.Options.Add(option);
        }

        return new Command("reviews", "Look at contradicting and doubtful labels and at pictures that may show one lesion, and decide.")
        {
            new Command("list", "What is to be looked at, in the order of the queue.") { Kind, State, Limit }.Runs(ListAsync),
            new Command("next", "The first item of the queue, with what is claimed by whom.") { Kind, Save }.Runs(ShowNextAsync),
            settle.Runs(SettleAsync),
            exclude.Runs(ExcludeAsync),
            new Command("confirm", "The two pictures of an item show one lesion, from now on for ever.") { Item, Comment, Preview }.Runs(ConfirmAsync),
            new Command("reject", "The two pictures of an item show different lesions.") { Item, Comment }.Runs(RejectAsync),
            new Command("defer", "Put items off behind all open ones.") { Items, Comment }.Runs(DeferAsync),
            new Command("undo", "Take a decision back.") { Decision, Comment }.Runs(UndoAsync),
            new Command("history", "Who decided what and when, newest first.") { Image, Limit }.Runs(ShowHistoryAsync),
        }.Runs(ListAsync);
    }

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var limit = context.Arguments.GetValue(Limit);
        var request = new ListReviewItemsRequest
        {
            Kind = ReviewItemDocument.KindOf(context.Arguments.GetValue(Kind)),
            State = ReviewItemDocument.StateOf(context.Arguments.GetValue(State)),
            PageSize = limit,
        };
        var answer = await gateway.ReadAsync(options => gateway.Reviews.ListReviewItemsAsync(request, options), cancellationToken);
        var document = new ReviewListDocument([.. answer.Items.Select(ReviewItemDocument.From)], answer.NextPageToken.Length > 0);
        context.Terminal.Write(document, console => ReviewScreen.WriteList(console, document));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowNextAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetNextReviewItemRequest { Kind = ReviewItemDocument.KindOf(context.Arguments.GetValue(Kind)) };
        var document = new NextReviewDocument(null, 0, null);
        if (await FindNextAsync(gateway, request, cancellationToken) is { } item)
        {
            var files = context.Arguments.GetValue(Save) is { } file ? await PictureSaver.SaveAsync(gateway, item.Images, file, cancellationToken) : null;
            document = new NextReviewDocument(ReviewItemDocument.From(item), item.Waiting, files);
        }

        context.Terminal.Write(document, console => ReviewScreen.WriteNext(console, document));
        return ExitCodes.Success;
    }

    private static async Task<ReviewItem?> FindNextAsync(GatewayConnection gateway, GetNextReviewItemRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await gateway.ReadAsync(options => gateway.Reviews.GetNextReviewItemAsync(request, options), cancellationToken);
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }

    private static async Task<int> SettleAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new SettleImagesRequest
        {
            Selection = ReviewSelection.Read(context.Arguments),
            Diagnoses = { context.Arguments.GetRequiredValue(Diagnoses) },
            Comment = context.Arguments.GetRequiredValue(Comment),
            Preview = context.Arguments.GetValue(Preview),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.SettleImagesAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> ExcludeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new ExcludeImagesRequest
        {
            Selection = ReviewSelection.Read(context.Arguments),
            Comment = context.Arguments.GetRequiredValue(Comment),
            Preview = context.Arguments.GetValue(Preview),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.ExcludeImagesAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> ConfirmAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new ConfirmLesionViewsRequest
        {
            ItemId = context.Arguments.GetRequiredValue(Item),
            Comment = context.Arguments.GetRequiredValue(Comment),
            Preview = context.Arguments.GetValue(Preview),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.ConfirmLesionViewsAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> RejectAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new RejectLesionViewsRequest
        {
            ItemId = context.Arguments.GetRequiredValue(Item),
            Comment = context.Arguments.GetRequiredValue(Comment),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.RejectLesionViewsAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> DeferAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new DeferReviewItemsRequest
        {
            ItemIds = { context.Arguments.GetRequiredValue(Items) },
            Comment = context.Arguments.GetRequiredValue(Comment),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.DeferReviewItemsAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> UndoAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var request = new UndoDecisionRequest
        {
            DecisionId = context.Arguments.GetRequiredValue(Decision),
            Comment = context.Arguments.GetRequiredValue(Comment),
        };
        var gateway = await context.ConnectAsync(cancellationToken);
        WriteOutcome(context, await gateway.ChangeAsync(options => gateway.Reviews.UndoDecisionAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowHistoryAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new ListDecisionsRequest { PageSize = context.Arguments.GetValue(Limit) };
        if (context.Arguments.GetValue(Image) is { } image)
            request.ImageId = image;
        var answer = await gateway.ReadAsync(options => gateway.Reviews.ListDecisionsAsync(request, options), cancellationToken);
        var document = new DecisionListDocument([.. answer.Decisions.Select(DecisionDocument.From)]);
        context.Terminal.Write(document, console => ReviewScreen.WriteHistory(console, document));
        return ExitCodes.Success;
    }

    private static void WriteOutcome(CommandContext context, ReviewOutcome outcome)
    {
        var document = ReviewOutcomeDocument.From(outcome);
        context.Terminal.Write(document, console => ReviewScreen.WriteOutcome(console, document));
    }
}
