using Melanoma.Imaging;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>The row of an image that is stored for the first time.</summary>
internal static class StoredImage
{
    /// <param name="image">The image, grouped.</param>
    /// <param name="picture">What its bytes show.</param>
    /// <param name="deliveryId">The delivery that brings it.</param>
    /// <param name="label">What is claimed of its lesion, as far as it is known in the batch.</param>
    /// <param name="now">When it is stored.</param>
    public static Image Of(BatchImage image, Picture picture, Guid deliveryId, Resolution? label, DateTimeOffset now)
    {
        var facts = ImageFacts.From(image.Rows);
        return new Image
        {
            Id = image.Id,
            Sha256 = image.Files[0].Sha256,
            GroupId = image.GroupId,
            DeliveryId = deliveryId,
            MediaType = picture.MediaType,
            Width = picture.Width,
            Height = picture.Height,
            SizeBytes = image.Files[0].File.Bytes.Length,
            ReceivedAt = now,
            LabelState = label?.State ?? LabelState.Unlabelled,
            Label = label?.Label,
            Licence = facts.Licence,
            Attribution = facts.Attribution,
            Source = facts.Source,
            AgeYears = facts.AgeYears,
            Sex = facts.Sex,
            Site = facts.Site,
            SkinTone = facts.SkinTone,
            PatientId = facts.PatientId,
            Measures = MeasuresOf(picture.Measures),
        };
    }

    /// <summary>Measures as they are stored.</summary>
    public static ImageMeasures MeasuresOf(PictureMeasures measures) => new()
    {
        QualityFlags = (short)measures.Quality.Flags,
        Sharpness = (float)measures.Quality.Sharpness,
        Highlights = (float)measures.Quality.Highlights,
        BurntShare = (float)measures.Quality.BurntShare,
        BlankShare = (float)measures.Quality.BlankShare,
        Likeness = (float)measures.Quality.Likeness,
        JpegQuality = (short?)measures.Properties.JpegQuality,
        JpegTables = measures.Properties.JpegTables,
        Subsampling = (short)measures.Properties.Subsampling,
        CornerBrightness = (float)measures.Properties.CornerBrightness,
        DarkCorners = (float)measures.Properties.DarkCorners,
        DarkSides = (float)measures.Properties.DarkSides,
    };
}
