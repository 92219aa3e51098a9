using System.Globalization;
using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>
/// How cost and memory grow with the number of pictures. The pictures beyond the real ones are mixtures of two real ones, each in a position of its own, so that their coarse waves
/// go together as those of real pictures do; the shares are such that the contrast stays.
/// </summary>
internal static class Growth
{
    private const int Queries = 250;
    private const int Rounds = 5;
    private const int HeaderLength = PictureSignature.ByteCount - (PictureSignature.Side * PictureSignature.Side);
    private static readonly int[] Sizes = [10_000, 100_000, 1_000_000];

    internal sealed record Figures(int Pictures, double BytesPerPicture, double AddMicroseconds, double LookUpMicroseconds, double Candidates, double RealCandidates);

    public static Figures[] Run(Picture[] real, Picture[] sought)
    {
        Console.WriteLine("\n| pictures in the index | bytes a picture | us to add | us a look-up | candidates of a mixture | candidates of a real picture |\n| --- | --- | --- | --- | --- | --- |");
        var sources = real.Select(p => p.Signature.ToBytes()).ToArray();
        var random = new Random(7);
        var index = new NearDuplicateIndex();
        var strangers = Enumerable.Range(0, Queries).Select(_ => Mixture(sources, random)).ToArray();
        var step = Math.Max(1, sought.Length / Queries);
        var realStrangers = sought.Where((_, i) => i % step == 0).Take(Queries).Select(p => p.Signature).ToArray();
        var figures = new List<Figures>();
        foreach (var size in Sizes)
        {
            var keys = Enumerable.Range(index.Count, size - index.Count).Select(i => NearDuplicateIndex.KeysOf(i < real.Length ? real[i].Signature : Mixture(sources, random))).ToArray();
            var start = Environment.CpuUsage.TotalTime;
            foreach (var key in keys)
                index.TryAdd(Guid.CreateVersion7(), key);
            var adding = (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / keys.Length;

            var lookUp = double.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                var begin = Environment.CpuUsage.TotalTime;
                foreach (var picture in strangers)
                    index.Candidates(Cost.Fresh(picture));
                lookUp = Math.Min(lookUp, (Environment.CpuUsage.TotalTime - begin).TotalMicroseconds / Queries);
            }

            var line = new Figures(
                size,
                (double)index.ByteCount / size,
                adding,
                lookUp,
                strangers.Average(p => index.Candidates(p).Count),
                realStrangers.Average(p => index.Candidates(p).Count));
            figures.Add(line);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {line.Pictures:#,0} | {line.BytesPerPicture:0} | {line.AddMicroseconds:0.0} | {line.LookUpMicroseconds:0} | {line.Candidates:0.00} | {line.RealCandidates:0.00} |"));
        }

        return [.. figures];
    }

    private static PictureSignature Mixture(byte[][] sources, Random random)
    {
        const int Side = PictureSignature.Side;
        byte[] a = sources[random.Next(sources.Length)], b = sources[random.Next(sources.Length)];
        var (shareB, shareA) = Math.SinCos((0.25 + (0.5 * random.NextDouble())) * Math.PI / 2);
        double meanA = Mean(a), meanB = Mean(b);
        var (flipX, flipY, swap) = (random.Next(2) == 0, random.Next(2) == 0, random.Next(2) == 0);
        var mixed = (byte[])a.Clone();
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                int bx = flipX ? Side - 1 - x : x, by = flipY ? Side - 1 - y : y;
                var other = b[HeaderLength + (swap ? (bx * Side) + by : (by * Side) + bx)];
                ref var cell = ref mixed[HeaderLength + (y * Side) + x];
                cell = (byte)Math.Clamp(meanA + (shareA * (cell - meanA)) + (shareB * (other - meanB)), 0, 255);
            }
        }

        return PictureSignature.TryRead(mixed, out var signature) ? signature : throw new InvalidOperationException("A mixture is no signature.");
    }

    private static double Mean(byte[] signature)
    {
        long sum = 0;
        foreach (var cell in signature.AsSpan(HeaderLength))
            sum += cell;
        return sum / (double)(signature.Length - HeaderLength);
    }
}
