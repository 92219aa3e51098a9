using System.Globalization;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Benchmarks;

/// <summary>Finds labels that were made wrong on purpose among labels that are held to be right.</summary>
internal static class PlantedErrors
{
    private const double Share = 0.05;

    private static readonly double[] Tops = [0.05, 0.10, 0.20];

    public static void Run(string folder, string[] weights, EmbeddingCache cache, int seeds, bool withHam)
    {
        var rows = Rows("isic9", Collections.NineClasses(folder), weights, cache);
        if (withHam)
        {
            rows = [.. rows, .. Rows("ham", Collections.Ham(folder), weights, cache)];
        }

        var labels = $"{(withHam ? "settled nine-class and HAM10000" : "settled nine-class")}, {rows.Length} pictures";
        Console.WriteLine();
        Console.WriteLine($"## Planted errors: {Share:0 %} of labels made wrong, mean of {seeds} seeds; share of them in the top 5 / 10 / 20 % of the ranking");
        Console.WriteLine();
        Console.WriteLine("| labels | flipped | evidence | top 5 % | top 10 % | top 20 % |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var byLesion in new[] { false, true })
        {
            foreach (var copies in new[] { false, true })
            {
                var found = Enumerable.Range(0, seeds).Select(seed => Found(rows, seed, byLesion, copies)).ToList();
                var means = Tops.Select((_, i) => found.Average(each => each[i]).ToString("0.000", CultureInfo.InvariantCulture));
                var (flipped, evidence) = (byLesion ? "lesions" : "pictures", copies ? "model and lesion" : "model");
                Console.WriteLine($"| {labels} | {flipped} | {evidence} | {string.Join(" | ", means)} |");
            }
        }
    }

    private static LabelledEmbedding[] Rows(string collection, List<Picture> pictures, string[] weights, EmbeddingCache cache)
    {
        var networks = weights.Select(file => cache.Of(collection, pictures, file)).ToList();
        return
        [
            .. pictures.Select((picture, i) =>
                new LabelledEmbedding(picture.Id, picture.Group, [picture.Truth], [.. networks.SelectMany(embeddings => embeddings[i].Content)])),
        ];
    }

    private static double[] Found(LabelledEmbedding[] rows, int seed, bool byLesion, bool copies)
    {
        var random = SplitMix64.At(seed, byLesion ? 1 : 0);
        var vocabularies = rows.ToLookup(row => row.Image.StartsWith("HAM/", StringComparison.Ordinal), row => row.Claims[0]);
        var choices = vocabularies.ToDictionary(collection => collection.Key, collection => collection.Distinct().OrderBy(set => set.Bits).ToArray());
        var units = rows.Select(row => byLesion ? row.Group : row.Image).Distinct().ToArray();
        random.Shuffle(units.AsSpan());
        var flipped = units.Take((int)Math.Round(Share * units.Length)).ToDictionary(unit => unit, _ => random.NextDouble());
        var planted = rows.Select(row =>
        {
            if (!flipped.TryGetValue(byLesion ? row.Group : row.Image, out var turn))
            {
                return row;
            }

            var others = choices[row.Image.StartsWith("HAM/", StringComparison.Ordinal)].Where(set => !set.Meets(row.Claims[0])).ToArray();
            return row with { Claims = [others[(int)(turn * others.Length)]] };
        }).ToArray();
        var wrong = rows.Zip(planted).Where(pair => pair.First != pair.Second).Select(pair => pair.First.Image).ToHashSet();
        var ranking = LabelErrorFinder.Rank(planted, new LabelErrorOptions { UseCopies = copies }, CancellationToken.None);
        return [.. Tops.Select(top => (double)ranking.Take((int)(top * ranking.Count)).Count(error => wrong.Contains(error.Image)) / wrong.Count)];
    }
}
