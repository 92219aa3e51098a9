using Melanoma.Cli.Commands;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.UnitTests.CommandLine;

public sealed class ReviewCommandTests
{
    [Fact]
    public void Should_hold_every_condition_when_a_selection_is_given()
    {
        var parsed = Cli.Commands.CommandLine.Root.Parse([
            "reviews", "settle", "nevus", "melanoma", "--conflict", "melanoma", "seborrheic keratosis", "--folder", "nevus", "--item", "a", "--item", "b",
            "--image", "c", "d", "--isic-from", "ISIC_0000001", "--isic-to", "ISIC_0000002", "--delivery", "e", "--preview",
        ]);

        Assert.Empty(parsed.Errors);
        Assert.Equal(["nevus", "melanoma"], parsed.GetRequiredValue<string[]>("DIAGNOSIS"));
        Assert.Equal(new ImageSelection
        {
            ConflictBetween = { "melanoma", "seborrheic keratosis" },
            Folder = "nevus",
            ItemIds = { "a", "b" },
            ImageIds = { "c", "d" },
            FirstIsicId = "ISIC_0000001",
            LastIsicId = "ISIC_0000002",
            DeliveryId = "e",
        }, ReviewSelection.Read(parsed));
    }

    [Fact]
    public void Should_ask_which_pictures_when_no_selection_is_given()
    {
        var failure = Assert.Throws<CommandFailure>(() => ReviewSelection.Read(Cli.Commands.CommandLine.Root.Parse(["reviews", "exclude"])));

        Assert.Equal(ExitCodes.Usage, failure.ExitCode);
        Assert.Contains("--conflict", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_say_how_likely_what_instead_and_why_when_an_item_is_a_label_error()
    {
        var item = new ReviewItem
        {
            ItemId = "a",
            Kind = ReviewKind.LabelError,
            State = ReviewState.Open,
            Score = 0.9,
            Suggested = { "melanoma" },
            Reason = "A model trained on other lesions gives nevus 3 %.",
            OpenedAt = new(),
        };

        var kind = Cli.Commands.CommandLine.Root.Parse(["reviews", "list", "--kind", "label-error"]).GetValue<string?>("--kind");
        var document = ReviewItemDocument.From(item);

        Assert.Equal(ReviewKind.LabelError, ReviewItemDocument.KindOf(kind));
        Assert.Equal((kind, "open", 0.9, item.Reason), (document.Kind, document.State, document.Score, document.Reason));
        Assert.Equal(["melanoma"], document.Suggested);
    }

    [Theory]
    [InlineData("conflict", ReviewKind.Conflict)]
    [InlineData("feedback", ReviewKind.Feedback)]
    [InlineData("label-error", ReviewKind.LabelError)]
    [InlineData("lesion-views", ReviewKind.LesionViews)]
    public void Should_have_one_word_for_a_kind_when_it_is_asked_for_and_shown(string word, ReviewKind kind)
    {
        var asked = Cli.Commands.CommandLine.Root.Parse(["reviews", "list", "--kind", word]).GetValue<string?>("--kind");

        Assert.Equal(kind, ReviewItemDocument.KindOf(asked));
        Assert.Equal(word, ReviewItemDocument.From(new ReviewItem { ItemId = "a", Kind = kind, State = ReviewState.Open, OpenedAt = new() }).Kind);
    }

    [Fact]
    public void Should_say_that_it_is_for_ever_and_what_it_does_when_two_lesions_are_joined()
    {
        var parsed = Cli.Commands.CommandLine.Root.Parse(["reviews", "next", "--kind", "lesion-views"]);
        var item = ReviewItemDocument.From(new ReviewItem { ItemId = "a", Kind = ReviewKind.LesionViews, State = ReviewState.Open, OpenedAt = new() });
        var outcome = ReviewOutcomeDocument.From(new ReviewOutcome
        {
            Decision = new ReviewDecision { DecisionId = 3, Action = "confirm", DecidedAt = new() },
            JoinedSplit = "test",
            DividedDatasets = { 1, 4 },
        });
        var written = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(written) });
        console.Profile.Width = 200;

        ReviewScreen.WriteNext(console, new NextReviewDocument(item, 0, null));
        ReviewScreen.WriteOutcome(console, outcome);

        Assert.Equal(ReviewKind.LesionViews, ReviewItemDocument.KindOf(parsed.GetValue<string?>("--kind")));
        Assert.Equal("lesion-views", item.Kind);
        Assert.Contains("reviews confirm a if both show one lesion, which is for ever", written.ToString(), StringComparison.Ordinal);
        Assert.Contains("The lesion is in test from then on.", written.ToString(), StringComparison.Ordinal);
        Assert.Contains("two splits, and say so: 1, 4.", written.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("takes it back", written.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, "--limit 200")]
    [InlineData(600, "--limit 1000")]
    [InlineData(1000, "--kind")]
    public void Should_say_how_to_see_the_others_when_a_list_is_cut(int listed, string advice) =>
        Assert.Contains(advice, ReviewScreen.WhereTheOthersAre(listed), StringComparison.Ordinal);

    [Theory]
    [InlineData("lesion.jpg", 1, "image/png", "lesion.jpg")]
    [InlineData("lesion.jpg", 3, "image/jpeg", "lesion-3.jpg")]
    [InlineData("out.d/lesion", 1, "image/jpeg", "out.d/lesion.jpg")]
    [InlineData("lesion", 2, "image/png", "lesion-2.png")]
    public void Should_name_each_picture_when_a_lesion_has_several(string file, int number, string mediaType, string expected) =>
        Assert.Equal(expected, PictureSaver.PathOf(file, number, mediaType));
}
