using Melanoma.Contracts;

namespace Melanoma.Ingestion.Tables;

/// <summary>A table in our own words: an ISIC id or a file named after one, and a diagnosis or several joined by '|'; all else as far as it is known.</summary>
internal static class PlainTable
{
    public static TableKind ById { get; } = new(TableNames.Plain, "isic_id", ["isic_id", "diagnosis"], Fill);

    public static TableKind ByFile { get; } = new(TableNames.Plain, "file", ["file", "diagnosis"], Fill);

    private static TableEntry Fill(TableFields fields, TableRow row) => row with
    {
        Diagnoses = ReadDiagnoses(fields),
        LesionId = fields.Id("lesion_id"),
        PatientId = fields.Id("patient_id"),
        AgeYears = fields.Age("age"),
        Sex = fields.Word(Vocabularies.Sexes, "sex"),
        Site = fields.Word(Vocabularies.Sites, "site"),
        SkinTone = fields.Word(Vocabularies.SkinTones, "skin_tone"),
        Licence = fields.Licence("licence"),
        Attribution = fields.Text("attribution"),
        Source = fields.Id("source"),
    };

    private static DiagnosisSet? ReadDiagnoses(TableFields fields)
    {
        var text = fields["diagnosis"];
        if (Vocabularies.Unknown.Contains(text))
            return null;
        short bits = 0;
        foreach (var name in text.Split('|', StringSplitOptions.TrimEntries))
        {
            // One unknown member leaves the set open, so the row claims nothing rather than something finer.
            if (Vocabularies.Own.Find(name) is not { } diagnosis)
                return fields.UnknownDiagnosis(name);
            bits |= diagnosis.Bits;
        }

        return new DiagnosisSet(bits);
    }
}
