using System.Globalization;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Microseconds of processor time for each step on one thread, the best of several rounds because the machines this runs on are shared.</summary>
internal static class Cost
{
    private const int Rounds = 15;
    private const int Sample = 100;

    internal sealed record Figures(double Signature, double Keys, double LookUp, double Match, double Candidate, double Stranger, double Candidates);

    public static Figures Run(string zip, Picture[] pictures)
    {
        var squares = PicturePack.Draw(zip, Sample, 1).Select(file => Collection.Square(file.Bytes, out _)).ToArray();
        var index = new NearDuplicateIndex();
        var byId = new Dictionary<Guid, PictureSignature>();
        foreach (var picture in pictures)
        {
            index.Add(picture.Id, picture.Signature);
            byId.Add(picture.Id, picture.Signature);
        }

        var step = Math.Max(1, pictures.Length / Sample);
        var drawn = pictures.Where((_, i) => i % step == 0).ToArray();
        var sought = drawn.Select(p => p.Signature).ToArray();
        var copies = drawn.Select(p => (p.Signature, p.Signature)).ToArray();
        var candidates = drawn.SelectMany(p => index.Candidates(p.Signature).Where(id => id != p.Id).Select(id => (p.Signature, byId[id]))).Take(Sample).ToArray();
        var strangers = sought.Zip(sought.Skip(1)).ToArray();
        var figures = new Figures(
            Best(squares, square => PictureSignature.Compute(square, 200, 150)),
            Best(sought, picture => NearDuplicateIndex.KeysOf(Fresh(picture))),
            Best(sought, picture => index.Candidates(Fresh(picture))),
            Best(copies, pair => NearDuplicateVerifier.Compare(pair.Item1, Fresh(pair.Item2))),
            Best(candidates, pair => NearDuplicateVerifier.Compare(pair.Item1, Fresh(pair.Item2))),
            Best(strangers, pair => NearDuplicateVerifier.Compare(pair.First, Fresh(pair.Second))),
            drawn.Average(p => index.Candidates(p.Signature).Count(id => id != p.Id)));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"""

            | step, one core | us |
            | --- | --- |
            | signature from 128 x 128 pixels | {figures.Signature:0} |
            | reading a signature and computing the keys it is stored by | {figures.Keys:0} |
            | look-up among {index.Count}, with the 42 keys it is sought by | {figures.LookUp:0} |
            | verification of an unchanged copy, with its keys | {figures.Match:0} |
            | verification of a candidate that is another picture or view, with its keys | {figures.Candidate:0} |
            | verification of two pictures drawn at random, with keys | {figures.Stranger:0} |

            {figures.Candidates:0.00} candidates a look-up besides the picture itself.
            """));
        return figures;
    }

    // Read anew, so that nothing is computed beforehand.
    public static PictureSignature Fresh(PictureSignature picture) => PictureSignature.TryRead(picture.ToBytes(), out var read) ? read : picture;

    private static double Best<T>(T[] inputs, Action<T> run)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var begin = Environment.CpuUsage.TotalTime;
            foreach (var input in inputs)
                run(input);
            best = Math.Min(best, (Environment.CpuUsage.TotalTime - begin).TotalMicroseconds / inputs.Length);
        }

        return best;
    }
}
