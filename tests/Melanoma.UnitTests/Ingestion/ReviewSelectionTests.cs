using CsCheck;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Ingestion.Reviews;

namespace Melanoma.UnitTests.Ingestion;

public sealed class ReviewSelectionTests
{
    [Fact]
    public void Should_take_each_name_once_and_in_its_own_spelling_when_a_selection_is_read()
    {
        var id = Guid.CreateVersion7();

        var query = ImageSelectionQuery.Parse(new ImageSelection
        {
            ImageIds = { id.ToString(), id.ToString("N").ToUpperInvariant() },
            ConflictBetween = { " Melanoma", "NEVUS", "melanoma" },
            Folder = "Vascular Lesion",
            FirstIsicId = " isic_0000001",
        });

        Assert.Equal([id], query.ImageIds);
        Assert.Equal(DiagnosisSet.Of(Diagnosis.Melanoma, Diagnosis.Nevus), query.ConflictBetween);
        Assert.Equal((Diagnosis.VascularLesion, "ISIC_0000001", null, null), (query.Folder, query.FirstIsicId, query.LastIsicId, query.DeliveryId));
    }

    [Fact]
    public void Should_say_what_to_do_when_a_selection_is_not_understood()
    {
        AssertRefused("Name images", null);
        AssertRefused("Name images", new ImageSelection());
        AssertRefused("ListReviewItems", new ImageSelection { ItemIds = { "" } });
        AssertRefused("ListDeliveries", new ImageSelection { DeliveryId = "" });
        AssertRefused("Choose from", new ImageSelection { Folder = "" });
        AssertRefused("Choose from", new ImageSelection { ConflictBetween = { "melanoma", new string('x', 5000) } });
        AssertRefused("Name the two", new ImageSelection { ConflictBetween = { "melanoma" } });
        AssertRefused("ISIC_0024306", new ImageSelection { FirstIsicId = "24306" });
        AssertRefused("ISIC_0024306", new ImageSelection { LastIsicId = "ISIC_00243060" });
        AssertRefused("Exchange", new ImageSelection { FirstIsicId = "ISIC_0000002", LastIsicId = "ISIC_0000001" });
    }

    [Fact]
    public void Should_lead_back_to_the_place_when_a_token_is_read() =>
        Gen.Select(Gen.Int[0, 9], Gen.Enum<Storage.Reviews.ReviewKind>(), Gen.Float[0, 1], Gen.Guid).Sample((state, kind, score, id) =>
        {
            var place = new QueuePlace(state, Storage.EnumText.ToColumn(kind), score, id);
            return QueuePlace.TryParse(place.ToToken(), out var read) && read == place;
        });

    [Fact]
    public void Should_refuse_without_failing_when_a_token_is_any_text() =>
        Gen.String.Sample(text => QueuePlace.TryParse(text, out var place) == place.HasValue);

    private static void AssertRefused(string words, ImageSelection? selection)
    {
        var refusal = Assert.Throws<RpcException>(() => ImageSelectionQuery.Parse(selection));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains(words, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.InRange(refusal.Status.Detail.Length, 20, 500);
    }
}
