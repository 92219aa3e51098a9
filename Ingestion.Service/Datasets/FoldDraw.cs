using System.Collections.Immutable;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Which fold of a cross-validation a lesion group is in: pure functions of a table and of hashes, so that anybody can draw again and gets the same.</summary>
/// <param name="Folds">How many there are, 2 or more.</param>
/// <param name="Table">The folds, counted from 0, that somebody chose for ISIC ids; empty where all are drawn.</param>
internal sealed record FoldDraw(int Folds, ImmutableDictionary<string, int> Table)
{
    /// <summary>Folds when nobody says how many.</summary>
    public const int DefaultFolds = 5;

    public const int MostFolds = 20;

    public const int LongestTable = 500_000;

    /// <summary>
    /// The fold that the table gives to most images of a group, the lowest of equals; where it names none of them, <see cref="SplitDraw.Number"/> of the
    /// smallest image SHA-256 of the group (bytewise).
    /// </summary>
    /// <param name="images">For each image of the group its SHA-256 and its ISIC ids.</param>
    /// <param name="disagrees">Whether the table gives images of the group to several folds.</param>
    public int OfGroup(IReadOnlyCollection<(byte[] Sha256, string[] IsicIds)> images, out bool disagrees)
    {
        var votes = images.SelectMany(image => image.IsicIds.Where(Table.ContainsKey).Select(id => Table[id]).Distinct()).CountBy(fold => fold).ToArray();
        disagrees = votes.Length > 1;
        return votes.Length > 0
            ? votes.OrderByDescending(vote => vote.Value).ThenBy(vote => vote.Key).First().Key
            : SplitDraw.Number(images.Select(image => image.Sha256).Aggregate((least, next) => next.AsSpan().SequenceCompareTo(least) < 0 ? next : least), Folds);
    }
}
