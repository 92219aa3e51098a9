using Melanoma.Gateway.OpenApi;

namespace Melanoma.UnitTests.Gateway;

public sealed class RemarksTests
{
    [Fact]
    public void Should_tell_refusals_from_the_rest_when_a_comment_names_them()
    {
        var remarks = Remarks.Parse(
            """
             Asks that a run be stopped; it ends
             as CANCELLED. NOT_FOUND when there is none of this id.

             INVALID_ARGUMENT: it is no id; UNAVAILABLE: the
             service stops. ISIC: is no status.
             FAILED_PRECONDITION: it has ended already.
            """);

        Assert.Equal("Asks that a run be stopped; it ends as CANCELLED.", remarks.Text);
        Assert.Equal(
            [
                ("NOT_FOUND", 404, "there is none of this id."), ("INVALID_ARGUMENT", 400, "it is no id"),
                ("UNAVAILABLE", 503, "the service stops. ISIC: is no status."), ("FAILED_PRECONDITION", 400, "it has ended already."),
            ],
            remarks.Refusals.Select(refusal => (refusal.Status.Name, refusal.Status.Http, refusal.Reason)));
    }

    [Fact]
    public void Should_keep_paragraphs_apart_when_a_comment_has_several() =>
        Assert.Equal(["One sentence.", "Another, on two lines."], Remarks.Parse(" One sentence.\n\n Another,\n on two lines.\n").Paragraphs);
}
