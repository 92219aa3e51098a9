using Melanoma.Training.Embeddings;

namespace Melanoma.Training.LesionViews;

/// <summary>Whether two pictures show the same place: how many of their keypoints agree on one shift, turn and zoom.</summary>
internal static class FeatureMatching
{
    /// <summary>How much nearer, in squared distance, the best match must be than the second best.</summary>
    private const float LargestRatio = 0.85f;

    private const float LargestZoom = 3;

    /// <summary>How far from where the movement puts it a keypoint may lie: pixels, and a share of the way from the keypoint that gave the movement.</summary>
    private const float LargestShift = 6;

    private const float LargestDrift = 0.1f;
    private const float LargestTurn = 0.5f;
    private const float LargestLogZoom = 0.7f;
    private const float SamePlace = 4;

    /// <summary>The largest number of matched keypoints, at different places of the first picture, that one movement explains.</summary>
    public static int Agreeing(LocalFeatures first, LocalFeatures second)
    {
        var matches = Matches(first, second);
        var most = 0;
        foreach (var (a, b) in matches)
        {
            var zoom = b.Scale / a.Scale;
            if (zoom is > LargestZoom or < 1 / LargestZoom)
            {
                continue;
            }

            var agreeing = new HashSet<(int, int)>();
            var (sine, cosine) = MathF.SinCos(b.Angle - a.Angle);
            foreach (var (p, q) in matches)
            {
                var (dx, dy) = (p.X - a.X, p.Y - a.Y);
                var (ex, ey) = ((zoom * ((cosine * dx) - (sine * dy))) + b.X - q.X, (zoom * ((sine * dx) + (cosine * dy))) + b.Y - q.Y);
                var tolerance = (LargestShift * MathF.Max(1, zoom)) + (LargestDrift * zoom * MathF.Sqrt((dx * dx) + (dy * dy)));
                var turn = MathF.IEEERemainder(q.Angle - p.Angle - (b.Angle - a.Angle), MathF.Tau);
                if ((ex * ex) + (ey * ey) < tolerance * tolerance
                    && MathF.Abs(turn) < LargestTurn
                    && MathF.Abs(MathF.Log(q.Scale / p.Scale / zoom)) < LargestLogZoom)
                {
                    agreeing.Add(((int)MathF.Round(p.X / SamePlace), (int)MathF.Round(p.Y / SamePlace)));
                }
            }

            most = Math.Max(most, agreeing.Count);
        }

        return most;
    }

    /// <summary>Pairs of keypoints that are each other's best match, and clearly so.</summary>
    private static List<(Keypoint First, Keypoint Second)> Matches(LocalFeatures first, LocalFeatures second)
    {
        var bestOfSecond = new (float Similarity, int Index)[second.Count];
        Array.Fill(bestOfSecond, (-1f, -1));
        var candidates = new List<(int First, int Second)>();
        var (firsts, seconds) = (first.DescriptorValues(), second.DescriptorValues());
        for (var i = 0; i < first.Count; i++)
        {
            var (best, next, bestIndex) = (-1f, -1f, -1);
            var descriptor = firsts.AsSpan(i * LocalFeatures.DescriptorLength, LocalFeatures.DescriptorLength);
            for (var j = 0; j < second.Count; j++)
            {
                var similarity = Vectors.Dot(descriptor, seconds.AsSpan(j * LocalFeatures.DescriptorLength, LocalFeatures.DescriptorLength));
                if (similarity > bestOfSecond[j].Similarity)
                {
                    bestOfSecond[j] = (similarity, i);
                }

                if (similarity > best)
                {
                    (next, best, bestIndex) = (best, similarity, j);
                }
                else if (similarity > next)
                {
                    next = similarity;
                }
            }

            if (bestIndex >= 0 && 1 - best < LargestRatio * (1 - next))
            {
                candidates.Add((i, bestIndex));
            }
        }

        return
        [
            .. candidates.Where(match => bestOfSecond[match.Second].Index == match.First)
                .Select(match => (first.Keypoints[match.First], second.Keypoints[match.Second])),
        ];
    }
}
