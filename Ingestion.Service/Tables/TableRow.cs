using Melanoma.Contracts;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Tables;

/// <summary>What became of one row of a table: a <see cref="TableRow"/> or a <see cref="RefusedRow"/>.</summary>
/// <param name="LineNumber">The line of the file, from 1, on which the row begins.</param>
internal abstract record TableEntry(int LineNumber);

/// <summary>A row that is not taken.</summary>
/// <param name="LineNumber">The line of the file, from 1.</param>
/// <param name="Reason">A sentence for people: what is wrong and what to do. It holds no file content.</param>
internal sealed record RefusedRow(int LineNumber, string Reason) : TableEntry(LineNumber);

/// <summary>What a table says about one ISIC id, in our own words: no control characters, nothing longer than <see cref="TableLimits"/> allows.</summary>
/// <param name="LineNumber">The line of the file, from 1.</param>
/// <param name="IsicId">The id, as in <c>ISIC_0024306</c>.</param>
internal sealed record TableRow(int LineNumber, string IsicId) : TableEntry(LineNumber)
{
    /// <summary>The diagnoses that the row leaves open, never empty; null when it claims nothing.</summary>
    public DiagnosisSet? Diagnoses { get; init; }

    /// <summary>The weight of the claim: histopathology or curated.</summary>
    public ClaimRank Rank { get; init; } = ClaimRank.Curated;

    /// <summary>The lesion in the source's own numbering.</summary>
    public string? LesionId { get; init; }

    /// <summary>The patient in the source's own numbering, which is a pseudonym.</summary>
    public string? PatientId { get; init; }

    /// <summary>Age in years, 0-120; the sources round to five.</summary>
    public int? AgeYears { get; init; }

    /// <summary><c>female</c> or <c>male</c>.</summary>
    public string? Sex { get; init; }

    /// <summary>The body site, one of the values of <see cref="Vocabularies.Sites"/>.</summary>
    public string? Site { get; init; }

    /// <summary>The skin type of Fitzpatrick, <c>I</c> to <c>VI</c>.</summary>
    public string? SkinTone { get; init; }

    /// <summary>The licence of the image, by its short name where it is a known one, for example <c>CC-BY-NC-4.0</c>.</summary>
    public string? Licence { get; init; }

    /// <summary>Whom the licence asks to name.</summary>
    public string? Attribution { get; init; }

    /// <summary>The collection, for example <c>HAM10000</c>.</summary>
    public string? Source { get; init; }

    /// <summary>What of the row was left out and why, a sentence each; mostly empty.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];
}
