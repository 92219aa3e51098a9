using Melanoma.Contracts;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>How far the classes of a dataset can be told without medicine.</summary>
/// <param name="Properties">Each property by itself, the strongest first.</param>
/// <param name="ClassifierBalancedAccuracy">Mean recall, over classes of at least <see cref="ShortcutAnalysis.MinClassImages"/> images, of a classifier that
/// sees only the properties; 0 to 1, on folds by lesion group.</param>
/// <param name="ChanceBalancedAccuracy">What guessing reaches: one over the number of those classes.</param>
/// <param name="ClassifierAucs">The area under the ROC curve of that classifier for each of those classes against the rest; 0.5 is chance.</param>
/// <param name="Warnings">Sentences for people, the strongest first; empty where nothing is above the limits.</param>
internal sealed record ShortcutReport(
    IReadOnlyList<PropertyShortcut> Properties,
    double ClassifierBalancedAccuracy,
    double ChanceBalancedAccuracy,
    IReadOnlyList<ClassAuc> ClassifierAucs,
    IReadOnlyList<string> Warnings);

/// <summary>How far one property tells the class.</summary>
/// <param name="Name">The property, such as "source".</param>
/// <param name="CramersV">Over all classes, 0 (tells nothing) to 1 (tells all).</param>
/// <param name="StrongestClass">The class that it tells best from the rest, or null where there are not two classes of enough images.</param>
/// <param name="StrongestV">Cramer's V of that class against the rest, 0 to 1.</param>
/// <param name="Sentence">The same in words, with the shares behind it.</param>
internal sealed record PropertyShortcut(string Name, double CramersV, DiagnosisSet? StrongestClass, double StrongestV, string Sentence)
{
    /// <summary>The larger of the two.</summary>
    public double Strength => Math.Max(CramersV, StrongestV);
}

/// <summary>How well one class is told from the rest.</summary>
/// <param name="Class">The class: one diagnosis, or several where no label tells them apart.</param>
/// <param name="Auc">Area under the ROC curve, 0 to 1.</param>
internal sealed record ClassAuc(DiagnosisSet Class, double Auc);
