namespace Melanoma.Contracts.Models;

/// <summary>Images in the order of a score, and what follows from that order.</summary>
public static class Ranking
{
    /// <summary>Images of one score together, scores rising.</summary>
    /// <param name="images">Numbers of the images.</param>
    /// <param name="score">The score of an image.</param>
    public static int[][] Of(IEnumerable<int> images, Func<int, double> score) =>
        [.. images.GroupBy(score).OrderBy(tied => tied.Key).Select(tied => tied.ToArray())];

    /// <summary>The chance that a positive has a larger score than another image, ties counting half (Mann-Whitney); null when a side has no image.</summary>
    /// <param name="ranked">As <see cref="Of"/> gives them.</param>
    /// <param name="isPositive">Whether an image is a positive.</param>
    /// <param name="weights">How often each image counts, by its number.</param>
    public static double? Auc(IReadOnlyList<int[]> ranked, Func<int, bool> isPositive, IReadOnlyList<int> weights)
    {
        ArgumentNullException.ThrowIfNull(ranked);
        ArgumentNullException.ThrowIfNull(isPositive);
        ArgumentNullException.ThrowIfNull(weights);
        double won = 0, positives = 0, others = 0;
        foreach (var tied in ranked)
        {
            double positivesHere = 0, othersHere = 0;
            foreach (var image in tied)
            {
                if (isPositive(image))
                {
                    positivesHere += weights[image];
                }
                else
                {
                    othersHere += weights[image];
                }
            }

            won += positivesHere * (others + (othersHere / 2));
            positives += positivesHere;
            others += othersHere;
        }

        return positives == 0 || others == 0 ? null : won / (positives * others);
    }
}
