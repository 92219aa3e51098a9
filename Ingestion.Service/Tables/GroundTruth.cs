using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Tables;

/// <summary>The ground truth of the ISIC challenges: one column per diagnosis, 1 in the one that applies. That of 2016 has no header and is not read.</summary>
internal static class GroundTruth
{
    private const string Attribution2019 =
        "BCN_20000 Dataset: (c) Department of Dermatology, Hospital Clínic de Barcelona. "
        + "HAM10000 Dataset: (c) by ViDIR Group, Department of Dermatology, Medical University of Vienna; https://doi.org/10.1038/sdata.2018.161. "
        + "MSK Dataset: (c) Anonymous; https://arxiv.org/abs/1710.05006; https://arxiv.org/abs/1902.03368";

    public static TableKind Of2017 { get; } = Make("ISIC 2017", "image_id", Vocabularies.GroundTruth2017, others: [], rest: Vocabularies.GroundTruth2017Rest);

    public static TableKind Of2018 { get; } = Make("ISIC 2018", "image", Vocabularies.GroundTruth2018, others: []);

    public static TableKind Of2019 { get; } =
        Make("ISIC 2019", "image", Vocabularies.GroundTruth2019, others: ["UNK"], licence: "CC-BY-NC-4.0", attribution: Attribution2019);

    private static TableKind Make(
        string challenge,
        string idColumn,
        Vocabulary columns,
        string[] others,
        DiagnosisSet? rest = null,
        string? licence = null,
        string? attribution = null) => new(
        $"{challenge} ground truth",
        idColumn,
        [idColumn, .. columns.Words.Select(column => column.Word), .. others],
        (fields, row) =>
        {
            var ones = 0;
            DiagnosisSet? diagnoses = null;
            foreach (var (column, set) in columns.Words)
            {
                if (ReadBit(fields[column]) is not { } bit)
                    return NoBit(row, column);
                if (!bit)
                    continue;
                ones++;
                diagnoses = set;
            }

            foreach (var column in others)
            {
                if (ReadBit(fields[column]) is not { } bit)
                    return NoBit(row, column);
                ones += bit ? 1 : 0;
            }

            return ones > 1
                ? new RefusedRow(row.LineNumber, $"There are {ones} ones where the ground truth has one diagnosis.")
                : row with { Diagnoses = ones == 0 ? rest : diagnoses, Source = challenge, Licence = licence, Attribution = attribution };
        });

    // Submissions to the challenges have the same columns with probabilities in them.
    private static bool? ReadBit(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value is 0 or 1 ? value == 1 : null;

    private static RefusedRow NoBit(TableRow row, string column) => new(row.LineNumber, $"The {column} is not 0 or 1: this is not ground truth.");
}
