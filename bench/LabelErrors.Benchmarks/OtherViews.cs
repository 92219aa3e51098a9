using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Imaging;
using Melanoma.Training.LesionViews;

namespace Melanoma.Training.Benchmarks;

/// <summary>Finds pictures of one lesion in HAM10000 without their lesion ids.</summary>
internal static class OtherViews
{
    private const int Least = 4;

    public static void Run(string folder, string weights, EmbeddingCache cache)
    {
        var pictures = Collections.Ham(folder);
        var embeddings = cache.Of("ham", pictures, weights);
        var views = new LesionPicture[pictures.Count];
        var features = new LocalFeatures[pictures.Count];
        Parallel.For(0, views.Length, i =>
        {
            if (!ImageDecoder.TryDecode(pictures[i].Bytes, ImageLimits.Default, out var image, out var refusal))
            {
                throw new InvalidDataException($"{pictures[i].Id}: {refusal.Message}");
            }

            views[i] = new LesionPicture(pictures[i].Isic, embeddings[i].Texture);
            features[i] = LocalFeatures.Of(image);
        });
        Console.Error.WriteLine("Comparing ...");
        var pairs = LesionViewFinder.Find(views, i => features[i], new LesionViewOptions { LeastAgreeing = Least }, CancellationToken.None);
        var lesions = Collections.HamLesions(folder);
        Console.WriteLine();
        Console.WriteLine($"## Other views of one lesion: {views.Length} pictures of HAM10000, lesion ids hidden");
        Console.WriteLine();
        Console.WriteLine("| lesions | agreeing places | pairs found | precision | recall |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
        foreach (var (name, half) in new[] { ("half that thresholds were chosen on", 0), ("held-out half", 1) })
        {
            var sizes = views.Select(view => lesions[view.Image]).Where(lesion => Half(lesion) == half).CountBy(lesion => lesion);
            var positives = sizes.Sum(lesion => lesion.Value * (lesion.Value - 1) / 2);
            foreach (var least in new[] { 4, 5, 6, 7, 8, 9, 10, 12, 15, 20 })
            {
                var found = pairs.Where(pair => pair.AgreeingPlaces >= least)
                    .Where(pair => Half(lesions[pair.First]) == half || Half(lesions[pair.Second]) == half)
                    .ToList();
                var right = found.Count(pair => lesions[pair.First] == lesions[pair.Second]);
                var (precision, recall) = ((double)right / Math.Max(1, found.Count), (double)right / positives);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"| {name} | {least} | {found.Count} | {precision:0.000} | {recall:0.000} ({right} of {positives}) |"));
            }
        }
    }

    private static int Half(string lesion) => SHA256.HashData(Encoding.UTF8.GetBytes(lesion))[0] % 2;
}
