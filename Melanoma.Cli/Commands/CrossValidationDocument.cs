using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record CrossValidationListDocument(IReadOnlyList<CrossValidationDocument> CrossValidations);

/// <summary>A cross-validation; <c>figures</c> is there once every fold has completed.</summary>
internal sealed record CrossValidationDocument(
    string Id, string Recipe, int Dataset, int Epochs, int Seed, DateTimeOffset? RequestedAt, string RequestedBy,
    IReadOnlyList<FoldRunDocument> Folds, CrossValidationFiguresDocument? Figures, IReadOnlyList<string> DatasetWarnings)
{
    public static CrossValidationDocument From(CrossValidation shown) => new(
        shown.CrossValidationId, shown.Recipe, shown.DatasetId, shown.Epochs, shown.Seed, shown.RequestedAt?.ToDateTimeOffset(), shown.RequestedBy,
        [.. shown.Folds.Select(run => new FoldRunDocument(run.Fold, run.RunId, RunDocument.NameOf(run.State), run.Error.Length > 0 ? run.Error : null))],
        shown.Figures is { } figures ? new([.. figures.Folds.Select(FoldDocument.From)], FoldDocument.From(figures.All)) : null,
        [.. shown.DatasetWarnings]);
}

/// <summary>The run of a fold.</summary>
internal sealed record FoldRunDocument(int Fold, string Run, string State, string? Error);

/// <summary>Of each fold, and of all images together.</summary>
internal sealed record CrossValidationFiguresDocument(IReadOnlyList<FoldDocument> Folds, FoldDocument All);

/// <summary>In the nine diagnoses, and in the seven classes of HAM10000; <c>fold</c> is absent for all.</summary>
internal sealed record FoldDocument(int? Fold, VocabularyDocument Diagnoses, VocabularyDocument Ham10000)
{
    public static FoldDocument From(FoldFigures figures) =>
        new(figures.HasFold ? figures.Fold : null, VocabularyDocument.From(figures.Diagnoses), VocabularyDocument.From(figures.Ham10000));
}

/// <summary>Figures 0 to 1 with their 95 % intervals; <c>melanomaAuc</c> is absent where a side has no image.</summary>
internal sealed record VocabularyDocument(int Images, int Groups, EstimateDocument Accuracy, EstimateDocument BalancedAccuracy, EstimateDocument? MelanomaAuc)
{
    public static VocabularyDocument From(VocabularyFigures figures) => new(
        figures.Images, figures.Groups, EstimateDocument.From(figures.Accuracy)!, EstimateDocument.From(figures.BalancedAccuracy)!, EstimateDocument.From(figures.MelanomaAuc));
}

internal sealed record EstimateDocument(double Value, double Low, double High)
{
    public static EstimateDocument? From(Estimate? figure) => figure is null ? null : new(figure.Value, figure.Low, figure.High);
}
