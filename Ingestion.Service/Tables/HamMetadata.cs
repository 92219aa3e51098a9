using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Tables;

/// <summary>The metadata of HAM10000 (Tschandl, Rosendahl and Kittler, 2018), as CSV or as the tab-separated file of its archive.</summary>
internal static class HamMetadata
{
    private const string Attribution =
        "ViDIR Group, Department of Dermatology, Medical University of Vienna. Tschandl, P., Rosendahl, C. & Kittler, H. "
        + "The HAM10000 dataset, a large collection of multi-source dermatoscopic images of common pigmented skin lesions. "
        + "Sci. Data 5, 180161 (2018). https://doi.org/10.1038/sdata.2018.161";

    public static TableKind Kind { get; } =
        new("HAM10000 metadata", "image_id", ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"], Fill);

    private static TableEntry Fill(TableFields fields, TableRow row)
    {
        var dx = fields["dx"];
        return row with
        {
            Diagnoses = Vocabularies.Ham.Find(dx) ?? (Vocabularies.Unknown.Contains(dx) ? null : fields.UnknownDiagnosis(dx)),
            Rank = fields["dx_type"].Equals("histo", StringComparison.OrdinalIgnoreCase) ? ClaimRank.Histopathology : ClaimRank.Curated,
            LesionId = fields.Id("lesion_id"),
            AgeYears = fields.Age("age"),
            Sex = fields.Word(Vocabularies.Sexes, "sex"),
            Site = fields.Word(Vocabularies.Sites, "localization"),
            Licence = "CC-BY-NC-4.0",
            Attribution = Attribution,
            Source = "HAM10000",
        };
    }
}
