using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Datasets;

/// <summary>What a dataset is to be.</summary>
/// <param name="Kind">What its rows are.</param>
/// <param name="Licences">The only licences to take; any when empty. Not for a reproduction, which has every delivered file.</param>
/// <param name="Folds">Who is in which fold of a cross-validation; null for other kinds.</param>
internal sealed record DatasetRequest(DatasetKind Kind, IReadOnlyCollection<string> Licences, FoldDraw? Folds = null)
{
    /// <summary>A dataset of everything there is.</summary>
    public static DatasetRequest All(DatasetKind kind) =>
        new(kind, [], kind == DatasetKind.CrossValidation ? new FoldDraw(FoldDraw.DefaultFolds, []) : null);
}
