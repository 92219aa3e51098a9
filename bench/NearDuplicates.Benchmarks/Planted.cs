using System.Globalization;
using Melanoma.Testing;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Copies of 300 pictures sought among all.</summary>
internal static class Planted
{
    private const int Count = 300;
    private const int Seed = 20261126;

    internal sealed record KindFigures(string Kind, bool IsTarget, int Planted, int Found, double TunedRecall, double HeldOutRecall, int FalsePairs, int SameLesionPairs);

    public static KindFigures[] Run(string zip, Picture[] among, Truth truth, List<FoundPair> all)
    {
        var intake = new Intake();
        foreach (var picture in among)
            intake.Take(picture);
        var drawn = PicturePack.Draw(zip, Count, Seed);
        var figures = new List<KindFigures>();
        Console.WriteLine($"\n{Count} pictures planted among {intake.Count}\n| kind | found | recall, tuned on | recall, held out | false pairs | same lesion |\n| --- | --- | --- | --- | --- | --- |");
        foreach (var (kind, isTarget, make) in Planting.Kinds)
        {
            int found = 0, falsePairs = 0, sameLesion = 0;
            Span<int> planted = [0, 0], hits = [0, 0];
            foreach (var (id, bytes) in drawn)
            {
                if (!ImageDecoder.TryDecode(bytes, ImageLimits.Default, out var image, out _))
                    throw new InvalidDataException("A sample was refused.");
                var copy = new Picture(Guid.CreateVersion7(), id, kind, Planting.SignatureOf(make(image)));
                var pairs = intake.Seek(copy);
                var half = Truth.IsTuning(id) ? 0 : 1;
                planted[half]++;
                if (pairs.Any(p => p.Older.IsicId == id))
                    hits[half]++;
                falsePairs += pairs.Count(p => truth.Of(id, p.Older.IsicId) == Verdict.False);
                sameLesion += pairs.Count(p => truth.Of(id, p.Older.IsicId) == Verdict.SameLesion);
                all.AddRange(pairs);
            }

            found = hits[0] + hits[1];
            var line = new KindFigures(kind, isTarget, drawn.Length, found, (double)hits[0] / planted[0], (double)hits[1] / planted[1], falsePairs, sameLesion);
            figures.Add(line);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {kind}{(isTarget ? "" : " (beyond the target)")} | {found} | {line.TunedRecall:0.000} | {line.HeldOutRecall:0.000} | {falsePairs} | {sameLesion} |"));
        }

        return [.. figures];
    }
}
