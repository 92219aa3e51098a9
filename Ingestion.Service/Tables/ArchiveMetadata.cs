using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// The metadata that the ISIC Archive exports. Only its id, attribution and licence are always there; which other columns there are depends on
/// the images. Diagnoses come as <c>diagnosis_1</c> (coarse) to <c>diagnosis_5</c> (fine), as <c>iddx_1</c> to <c>iddx_5</c> in the challenge of
/// 2024, or in older exports as <c>diagnosis</c> and <c>benign_malignant</c>.
/// </summary>
internal static class ArchiveMetadata
{
    private static readonly string[][] Hierarchies =
        [["diagnosis_5", "diagnosis_4", "diagnosis_3", "diagnosis_2", "diagnosis_1"], ["iddx_5", "iddx_4", "iddx_3", "iddx_2", "iddx_1"]];

    public static TableKind Kind { get; } = new("ISIC Archive metadata", "isic_id", ["isic_id", "copyright_license"], Fill);

    private static TableEntry Fill(TableFields fields, TableRow row) => row with
    {
        Diagnoses = ReadDiagnoses(fields),
        Rank = fields["diagnosis_confirm_type"].Equals("histopathology", StringComparison.OrdinalIgnoreCase) ? ClaimRank.Histopathology : ClaimRank.Curated,
        LesionId = fields.Id("lesion_id"),
        PatientId = fields.Id("patient_id"),
        AgeYears = fields.Age("age_approx"),
        Sex = fields.Word(Vocabularies.Sexes, "sex"),
        Site = fields.Word(Vocabularies.Sites, "anatom_site_3", "anatom_site_2", "anatom_site_1", "anatom_site_general_1", "anatom_site_general"),
        SkinTone = fields.Word(Vocabularies.SkinTones, "fitzpatrick_skin_type"),
        Licence = fields.Licence("copyright_license"),
        Attribution = fields.Text("attribution"),
        Source = "ISIC Archive",
    };

    private static DiagnosisSet? ReadDiagnoses(TableFields fields)
    {
        DiagnosisSet? common = null;
        foreach (var columns in Hierarchies.Append(["diagnosis", "benign_malignant"]))
        {
            if (ReadFinest(fields, columns, out var isDisputed) is not { } diagnoses)
            {
                // A finer word that is none of the nine diagnoses forbids the coarse claim that another column would make.
                if (isDisputed)
                    return null;
                continue;
            }

            var narrowed = common?.Intersect(diagnoses) ?? diagnoses;
            if (narrowed.IsEmpty)
            {
                fields.Remark("The columns with diagnoses contradict each other, so the row claims nothing.");
                return null;
            }

            common = narrowed;
        }

        return common;
    }

    private static DiagnosisSet? ReadFinest(TableFields fields, string[] fineToCoarse, out bool isUnknown)
    {
        isUnknown = false;
        string? finest = null;
        foreach (var column in fineToCoarse)
        {
            var word = fields[column];
            if (Vocabularies.Unknown.Contains(word))
                continue;
            finest ??= word;
            if (Vocabularies.Archive.Find(word) is { } diagnoses)
                return diagnoses;
        }

        if (finest is null)
            return null;
        if (Vocabularies.ArchiveCoarse.Find(finest) is { } coarse)
            return coarse;
        isUnknown = true;
        return fields.UnknownDiagnosis(finest);
    }
}
