using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Images; <c>more</c> when there are others after them.</summary>
internal sealed record ImageListDocument(IReadOnlyList<ImageDocument> Images, bool More);

/// <summary>An image; <c>state</c> is unlabelled, settled or conflict.</summary>
internal sealed record ImageDocument(
    string Id, string Sha256, string MediaType, int Width, int Height, int SizeBytes, DateTimeOffset? ReceivedAt, string Group, IReadOnlyList<string> IsicIds,
    string State, IReadOnlyList<string> Label, IReadOnlyList<string> QualityFlags, bool Excluded, bool Forgotten, string? Licence, string? Attribution,
    string? Source, int? AgeYears, string? Sex, string? Site, string? SkinTone, string FirstPath)
{
    public static ImageDocument From(Image image) => new(
        image.ImageId, image.Sha256, image.MediaType, image.Width, image.Height, image.SizeBytes, image.ReceivedAt?.ToDateTimeOffset(), image.GroupId,
        [.. image.IsicIds], NameOf(image.LabelState), [.. image.Label], [.. image.QualityFlags], image.Excluded, image.Forgotten,
        image.HasLicence ? image.Licence : null, image.HasAttribution ? image.Attribution : null, image.HasSource ? image.Source : null,
        image.HasAgeYears ? image.AgeYears : null, image.HasSex ? image.Sex : null, image.HasSite ? image.Site : null,
        image.HasSkinTone ? image.SkinTone : null, image.FirstPath);

    public static string NameOf(LabelState state) => state.ToString().ToLowerInvariant();
}

/// <summary>An image with all that is known of it; <c>groupImages</c> are the others of its lesion, <c>decision</c> says who decided over whom.</summary>
internal sealed record ImageDetailsDocument(
    ImageDocument Image, IReadOnlyList<ClaimDocument> Claims, IReadOnlyList<NearDuplicateDocument> NearDuplicates, IReadOnlyList<string> GroupImages,
    IReadOnlyList<MembershipDocument> Datasets, IReadOnlyList<string> TrainedModels, IReadOnlyList<string> QualityReasons,
    string? Decision)
{
    public static ImageDetailsDocument From(ImageDetails details) => new(
        ImageDocument.From(details.Image),
        [.. details.Claims.Select(ClaimDocument.From)],
        [.. details.NearDuplicates.Select(near => new NearDuplicateDocument(near.ImageId, near.Similarity, near.Transform))],
        [.. details.GroupImages], [.. details.Datasets.Select(use => new MembershipDocument(use.DatasetId, use.Split))],
        [.. details.TrainedModels], [.. details.QualityReasons], details.Decision.Length > 0 ? details.Decision : null);
}

internal sealed record NearDuplicateDocument(string Image, double Similarity, string Transform);

internal sealed record MembershipDocument(int Dataset, string Split);

internal sealed record SavedImageDocument(string Image, string File, long Bytes, string MediaType);
