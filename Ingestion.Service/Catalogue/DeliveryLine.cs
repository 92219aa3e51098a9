using Melanoma.Ingestion.Deliveries;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Catalogue;

/// <summary>The line that a file has in the report of its delivery.</summary>
internal static class DeliveryLine
{
    /// <param name="deliveryId">The delivery.</param>
    /// <param name="judged">The file.</param>
    /// <param name="image">Its image; null when it is none, or was refused.</param>
    /// <param name="firstPaths">Where images that it may name were delivered first.</param>
    public static DeliveryFile Of(Guid deliveryId, JudgedFile judged, BatchImage? image, IReadOnlyDictionary<Guid, string> firstPaths)
    {
        var verdict = judged.Verdict ?? (image is { Known.IsForgotten: true } ? FileVerdict.Of(Refusal.Forgotten) : null);
        var stored = image is { Known: null } && ReferenceEquals(image.Files[0], judged);
        var nearest = stored ? image!.NearDuplicates.MaxBy(pair => pair.Match.Similarity) : null;
        return new DeliveryFile
        {
            DeliveryId = deliveryId,
            Path = judged.File.ReportedPath,
            Outcome = verdict?.Outcome ?? (stored ? FileOutcome.Stored : FileOutcome.Duplicate),
            Reason = (verdict, stored, nearest) switch
            {
                ({ } why, _, _) => why.Reason,
                (_, false, _) => $"The same bytes as {image!.FirstPath}",
                (_, _, { } pair) => $"Near-duplicate of {firstPaths.GetValueOrDefault(pair.DuplicateOfId, "an image of the catalogue")} ({pair.Match.Transform})",
                _ => "",
            },
            RefusalKind = verdict?.RefusalKind,
            ImageId = verdict is null ? image?.Id : null,
            NearDuplicateOfId = nearest?.DuplicateOfId,
            FolderDiagnosis = judged.File.Path?.Diagnosis,
            FolderSplit = judged.File.Path?.Split,
            SizeBytes = judged.File.SizeBytes,
        };
    }
}
