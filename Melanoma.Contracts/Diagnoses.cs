using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Melanoma.Contracts;

/// <summary>Names, order and malignancy of the nine diagnoses: the one vocabulary of database, messages, proto and pages.</summary>
public static class Diagnoses
{
    /// <summary>How many diagnoses there are: 9.</summary>
    public const int Count = 9;

    /// <summary>The names by index, which are also the folder names of a delivery.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        "actinic keratosis",
        "basal cell carcinoma",
        "dermatofibroma",
        "melanoma",
        "nevus",
        "pigmented benign keratosis",
        "seborrheic keratosis",
        "squamous cell carcinoma",
        "vascular lesion",
    ];

    /// <summary>The diagnoses that count as malignant: melanoma, basal cell carcinoma and squamous cell carcinoma.</summary>
    public static DiagnosisSet Malignant { get; } =
        DiagnosisSet.Of(Diagnosis.Melanoma, Diagnosis.BasalCellCarcinoma, Diagnosis.SquamousCellCarcinoma);

    private static readonly FrozenDictionary<string, Diagnosis> ByName =
        Names.Select((name, index) => (name, index)).ToFrozenDictionary(x => x.name, x => (Diagnosis)x.index, StringComparer.OrdinalIgnoreCase);

    /// <summary>The name of a diagnosis, as in <see cref="Names"/>.</summary>
    public static string NameOf(Diagnosis diagnosis) => Names[(int)diagnosis];

    /// <summary>Finds a diagnosis by its name, whatever the case and the space around it.</summary>
    public static bool TryParse(string? name, out Diagnosis diagnosis)
    {
        diagnosis = default;
        return name is not null && ByName.TryGetValue(name.Trim(), out diagnosis);
    }
}
