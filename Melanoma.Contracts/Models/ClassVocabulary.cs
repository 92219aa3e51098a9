using System.Collections.Immutable;

namespace Melanoma.Contracts.Models;

/// <summary>Words in which a model can be judged: each class is one diagnosis or several whose probabilities are added up.</summary>
/// <param name="Classes">Disjoint; the melanoma class is melanoma alone.</param>
public sealed record ClassVocabulary(ImmutableArray<(string Name, DiagnosisSet Diagnoses)> Classes)
{
    /// <summary>The nine diagnoses, each by itself, in index order.</summary>
    public static ClassVocabulary Fine { get; } = new([.. Diagnoses.Names.Select((name, index) => (name, DiagnosisSet.Of((Diagnosis)index)))]);

    /// <summary>The seven classes of HAM10000 (Tschandl et al. 2018) and of the ISIC challenge of 2018, in its order.</summary>
    public static ClassVocabulary Ham10000 { get; } = new(
    [
        ("MEL", DiagnosisSet.Of(Diagnosis.Melanoma)),
        ("NV", DiagnosisSet.Of(Diagnosis.Nevus)),
        ("BCC", DiagnosisSet.Of(Diagnosis.BasalCellCarcinoma)),
        ("AKIEC", DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma)),
        ("BKL", DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis)),
        ("DF", DiagnosisSet.Of(Diagnosis.Dermatofibroma)),
        ("VASC", DiagnosisSet.Of(Diagnosis.VascularLesion)),
    ]);

    /// <summary>Index of the melanoma class.</summary>
    public int Melanoma { get; } = Classes.IndexOf(Classes.First(item => item.Diagnoses == DiagnosisSet.Of(Diagnosis.Melanoma)));

    /// <summary>The class that has all diagnoses of a label; null where none does.</summary>
    public int? ClassOf(DiagnosisSet label)
    {
        for (var index = 0; index < Classes.Length; index++)
        {
            if (label.Count > 0 && label.Members.All(Classes[index].Diagnoses.Contains))
            {
                return index;
            }
        }

        return null;
    }

    /// <summary>Nine numbers as one for each class: the sum over its diagnoses.</summary>
    public double[] Sums(IReadOnlyList<double> numbers) => [.. Classes.Select(item => item.Diagnoses.Members.Sum(member => numbers[(int)member]))];
}
