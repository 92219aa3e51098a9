using Melanoma.Training.LabelErrors;

namespace Melanoma.Training.Benchmarks;

/// <summary>Finds the files of the nine-class delivery that lie in a wrong folder, from the delivery alone.</summary>
internal static class WrongFolders
{
    public static void Run(string folder, string[] weights, EmbeddingCache cache)
    {
        var pictures = Collections.NineClasses(folder);
        var wrong = Collections.WrongFiles(folder);
        var networks = weights.Select(file => cache.Of("isic9", pictures, file)).ToList();
        LabelledEmbedding Row(Picture picture, int i, string group) => new(
            picture.Id,
            group,
            [.. picture.Files.Select(Folder).Distinct().Select(Collections.Named)],
            [.. networks.SelectMany(embeddings => embeddings[i].Content)]);

        Console.WriteLine();
        Console.WriteLine($"## The nine-class delivery as it is: {wrong.Count} of {pictures.Sum(picture => picture.Files.Count)} files lie in a wrong folder");
        Console.WriteLine();
        Console.WriteLine("| known besides folders and bytes | wrong files in the top 10 % | in the top 5 % | as many as are wrong |");
        Console.WriteLine("| --- | --- | --- | --- |");
        Report("nothing", [.. pictures.Select((picture, i) => Row(picture, i, picture.Isic))], pictures, wrong);
        Report("lesion ids (official metadata)", [.. pictures.Select((picture, i) => Row(picture, i, picture.Group))], pictures, wrong);
    }

    private static void Report(string known, LabelledEmbedding[] rows, List<Picture> pictures, HashSet<string> wrong)
    {
        var files = pictures.ToDictionary(picture => picture.Id, picture => picture.Files);
        var ranking = LabelErrorFinder.Rank(rows, new LabelErrorOptions(), CancellationToken.None);
        var ranked = ranking
            .SelectMany(error => files[error.Image].Select(file => (File: file, Error: error)))
            .Where(each => Collections.Named(Folder(each.File)) == each.Error.Claim)
            .ToList();
        string Among(int top) => $"{ranked.Take(top).Count(each => wrong.Contains(each.File))} of {top}";
        Console.WriteLine($"| {known} | {Among(ranked.Count / 10)} | {Among(ranked.Count / 20)} | {Among(wrong.Count)} |");
        foreach (var (file, error) in ranked.Skip(ranked.Count / 10).Where(each => wrong.Contains(each.File)).Take(5))
        {
            Console.WriteLine($"  missed: {file}, place {ranked.FindIndex(each => each.File == file) + 1}. {error.Evidence}");
        }
    }

    private static string Folder(string file) => file.Split('/')[1];
}
