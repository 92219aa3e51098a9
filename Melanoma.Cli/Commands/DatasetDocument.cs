using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record DatasetListDocument(IReadOnlyList<DatasetDocument> Datasets);

/// <summary>
/// A dataset; <c>splits</c> by name: train, validation, test; <c>licences</c> is empty when any were taken; <c>leftOut</c> counts images by reason
/// (conflict, unlabelled, excluded, forgotten, licence); <c>folds</c> is empty but in a cross-validation.
/// </summary>
internal sealed record DatasetDocument(
    int Id, int Images, int Groups, int GroupsInTwoSplits, int Parked, Dictionary<string, SplitDocument> Splits,
    string Kind, DateTimeOffset? CreatedAt, string ContentHash, IReadOnlyList<string> Rules,
    IReadOnlyList<string> Warnings, IReadOnlyList<string> Licences, int Forgotten, ShortcutsDocument? Shortcuts,
    Dictionary<string, int> LeftOut, IReadOnlyList<FoldSizeDocument> Folds)
{
    public static DatasetDocument From(Dataset dataset) => new(
        dataset.DatasetId, dataset.Images, dataset.Groups, dataset.GroupsInTwoSplits, dataset.Parked,
        dataset.Splits.ToDictionary(
            split => split.Split.ToString().ToLowerInvariant(),
            split => new SplitDocument(split.Images, split.Classes.ToDictionary(item => item.Diagnosis, item => item.Count))),
        NameOf(dataset.Kind), dataset.CreatedAt?.ToDateTimeOffset(), dataset.ContentHash, [.. dataset.Rules],
        [.. dataset.Warnings], [.. dataset.Licences], dataset.Forgotten, ShortcutsDocument.From(dataset.Shortcuts),
        dataset.LeftOut.ToDictionary(part => part.Reason, part => part.Count),
        [.. dataset.Folds.Select(fold => new FoldSizeDocument(fold.Fold, fold.Images, fold.Groups))]);

    public static string NameOf(DatasetKind kind) => kind == DatasetKind.CrossValidation ? "cross-validation" : kind.ToString().ToLowerInvariant();
}

/// <summary>A fold of a cross-validation, counted from 0, with its images and lesion groups.</summary>
internal sealed record FoldSizeDocument(int Fold, int Images, int Groups);

/// <summary>Images of a split, and of each diagnosis in it by folder name.</summary>
internal sealed record SplitDocument(int Images, Dictionary<string, int> Classes);

/// <summary>How far the class can be told from what is no medicine, Cramer's V by property; absent in a reproduction.</summary>
internal sealed record ShortcutsDocument(double ClassifierBalancedAccuracy, double ChanceBalancedAccuracy, Dictionary<string, ShortcutDocument> Properties)
{
    public static ShortcutsDocument? From(ShortcutReport? report) => report is null ? null : new(
        report.ClassifierBalancedAccuracy, report.ChanceBalancedAccuracy,
        report.Properties.ToDictionary(
            property => property.Property, property => new ShortcutDocument(property.CramersV, property.StrongestDiagnosis, property.StrongestCramersV, property.Finding)));
}

/// <summary>How far one property tells the class, and which class it tells best.</summary>
internal sealed record ShortcutDocument(double CramersV, string StrongestDiagnosis, double StrongestCramersV, string Finding);
