using System.Diagnostics;
using System.Globalization;
using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>Microseconds of one core for each step, the best of several rounds because the machines this runs on are shared.</summary>
internal static class Cost
{
    private const int Rounds = 7;
    private const int Sample = 400;

    internal sealed record Figures(double Signature, double Keys, double LookUp, double Verification, double Candidates);

    public static Figures Run(string zip, Picture[] pictures)
    {
        var squares = Collection.Draw(zip, Sample, 1).Select(file => Collection.Square(file.Bytes, out _)).ToArray();
        var index = new NearDuplicateIndex();
        foreach (var picture in pictures)
            index.Add(picture.Id, picture.Signature);
        var step = Math.Max(1, pictures.Length / Sample);
        var sought = pictures.Where((_, i) => i % step == 0).Select(p => p.Signature).ToArray();
        long named = 0;
        var signature = Best(squares, square => PictureSignature.Compute(square, 200, 150));
        var keys = Best(sought, picture => NearDuplicateIndex.KeysOf(Fresh(picture)));
        var lookUp = Best(sought, picture => named += index.Candidates(picture).Count);
        var both = Best(sought, picture => NearDuplicateVerifier.Compare(picture, pictures[(picture.Width + picture.Cells(7)) % 50].Signature));
        var figures = new Figures(signature, keys, lookUp, both, (double)named / (Rounds * sought.Length));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"\nOne core: signature {signature:0.0} us, all window keys {keys:0.0} us, look-up among {index.Count} {lookUp:0.0} us, verification {both:0.0} us; {figures.Candidates:0.00} candidates a look-up, itself among them."));
        return figures;
    }

    private static int Cells(this PictureSignature picture, int at) => picture.ToBytes()[^at];

    private static PictureSignature Fresh(PictureSignature picture) => PictureSignature.TryRead(picture.ToBytes(), out var read) ? read : picture;

    private static double Best<T>(T[] inputs, Action<T> run)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            foreach (var input in inputs)
                run(input);
            best = Math.Min(best, watch.Elapsed.TotalMicroseconds / inputs.Length);
        }

        return best;
    }
}
