namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A stretch of one axis of a picture, in parts of its side, with the cosine waves of that stretch over the cells of the grid.</summary>
internal sealed class FrameInterval
{
    /// <summary>Wave numbers 0 to 4.</summary>
    public const int WaveCount = 5;

    private const int Side = PictureSignature.Side;

    // Fine enough that a rounded centre square is off by at most 1/640 of a side.
    private const int CentreSteps = 320;

    private static readonly FrameInterval?[] Centres = new FrameInterval?[CentreSteps + 1];

    public FrameInterval(double from, double to)
    {
        From = from;
        To = to;
        Waves = new float[WaveCount * Side];
        var length = to - from;
        for (var cell = 0; cell < Side; cell++)
        {
            // A cell on the border counts with the part of it that lies inside.
            var inside = Math.Max(0, Math.Min(to, (cell + 1) / (double)Side) - Math.Max(from, cell / (double)Side)) / length;
            var middle = Math.Clamp((((cell + 0.5) / Side) - from) / length, 0, 1);
            for (var k = 0; k < WaveCount; k++)
            {
                var scale = k == 0 ? 1 : Math.Sqrt(2);
                Waves[(k * Side) + cell] = (float)(inside * scale * ExactMath.SinCos(180 * k * middle).Cos);
            }
        }
    }

    public double From { get; }

    public double To { get; }

    /// <summary>Wave k of a cell stands at k x 40 + cell; orthonormal, weighted with the cell's share.</summary>
    public float[] Waves { get; }

    /// <summary>The stretch as a mirror shows it.</summary>
    public FrameInterval Mirrored() => new(1 - To, 1 - From);

    /// <summary>The stretch about the middle that is so long, rounded to 1/320.</summary>
    public static FrameInterval Centred(double length)
    {
        var steps = (int)Math.Clamp(Math.Round(length * CentreSteps, MidpointRounding.AwayFromZero), 1, CentreSteps);
        var half = steps / (2.0 * CentreSteps);
        // Two threads may both make it: the same one.
        return Volatile.Read(ref Centres[steps]) ?? (Centres[steps] = new(0.5 - half, 0.5 + half));
    }
}
