using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LesionViews;

/// <summary>
/// Finds pictures that show the same lesion, without ids: pictures of similar texture are candidates, and a candidate counts where many of its keypoints agree
/// with the other's on one movement. Mirroring is none: another view of a lesion is never its mirror image.
/// </summary>
internal static class LesionViewFinder
{
    /// <summary>Pairs of pictures, the surest first. The result depends on the pictures and their order alone.</summary>
    /// <param name="pictures">The pictures; those of one known lesion are not compared.</param>
    /// <param name="features">The keypoints of a picture by its place; called by several threads.</param>
    public static IReadOnlyList<LesionViewPair> Find(
        IReadOnlyList<LesionPicture> pictures, Func<int, LocalFeatures> features, LesionViewOptions options, CancellationToken cancellationToken)
    {
        if (pictures.Count < 2)
        {
            return [];
        }

        var candidates = Candidates(pictures, options, cancellationToken);
        var agreeing = new int[candidates.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.For(0, candidates.Count, parallel, i =>
        {
            agreeing[i] = FeatureMatching.Agreeing(features(candidates[i].First), features(candidates[i].Second));
        });
        return
        [
            .. candidates.Zip(agreeing, (pair, places) => new LesionViewPair(pictures[pair.First].Image, pictures[pair.Second].Image, places, pair.Similarity))
                .Where(pair => pair.AgreeingPlaces >= options.LeastAgreeing)
                .OrderByDescending(pair => pair.AgreeingPlaces)
                .ThenByDescending(pair => pair.Similarity),
        ];
    }

    /// <summary>Each picture with those of the most similar texture, each pair once, by place.</summary>
    private static List<(int First, int Second, float Similarity)> Candidates(
        IReadOnlyList<LesionPicture> pictures, LesionViewOptions options, CancellationToken cancellationToken)
    {
        var rows = Whitening.Apply([.. pictures.Select(picture => picture.Texture)], options.Whitening);
        var neighbours = new (int, int, float)[rows.Length][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.For(0, rows.Length, parallel, i =>
        {
            var nearest = new PriorityQueue<int, float>();
            for (var j = 0; j < rows.Length; j++)
            {
                if (j == i)
                {
                    continue;
                }

                var similarity = Vectors.Dot(rows[i], rows[j]);
                var isFull = nearest.Count == options.Candidates;
                if ((isFull && nearest.TryPeek(out _, out var least) && similarity <= least) || IsKnown(pictures[i], pictures[j]))
                {
                    continue;
                }

                if (isFull)
                {
                    nearest.DequeueEnqueue(j, similarity);
                }
                else
                {
                    nearest.Enqueue(j, similarity);
                }
            }

            neighbours[i] = [.. nearest.UnorderedItems.Select(item => (Math.Min(i, item.Element), Math.Max(i, item.Element), item.Priority))];
        });
        return [.. neighbours.SelectMany(pairs => pairs).DistinctBy(pair => (pair.Item1, pair.Item2)).OrderBy(pair => (pair.Item1, pair.Item2))];
    }

    private static bool IsKnown(LesionPicture first, LesionPicture second) => first.Lesion is { } lesion && lesion == second.Lesion;
}
