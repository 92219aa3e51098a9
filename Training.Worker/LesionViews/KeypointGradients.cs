namespace Melanoma.Training.LesionViews;

/// <summary>The brightness gradients about a keypoint, at the keypoint's own blur.</summary>
internal readonly struct KeypointGradients(ScaleSpace octave, int step)
{
    private const int DirectionBins = 36;
    private const double LeastPeak = 0.8;
    private const int Cells = 4;
    private const int Bins = 8;
    private const float LargestShare = 0.2f;

    private readonly float[] _picture = octave.Blurred[step];
    private readonly double _sigma = ScaleSpace.SigmaAt(step);

    /// <summary>The one or more directions, in radians, that most of the gradients have.</summary>
    public IEnumerable<float> MainDirections(int x, int y)
    {
        var sigma = 1.5 * _sigma;
        var radius = (int)Math.Round(3 * sigma);
        var raw = new double[DirectionBins];
        for (var dy = -radius; dy <= radius; dy++)
        {
            for (var dx = -radius; dx <= radius; dx++)
            {
                var (length, angle) = Gradient(x + dx, y + dy);
                var bin = (int)Math.Round(angle / Math.Tau * DirectionBins) % DirectionBins;
                raw[bin] += length * Math.Exp(-((dx * dx) + (dy * dy)) / (2 * sigma * sigma));
            }
        }

        var smooth = new double[DirectionBins];
        for (var i = 0; i < DirectionBins; i++)
        {
            smooth[i] = ((raw[At(i - 2)] + raw[At(i + 2)]) / 16) + ((raw[At(i - 1)] + raw[At(i + 1)]) / 4) + (raw[i] * 6 / 16);
        }

        var directions = new List<float>();
        var least = LeastPeak * smooth.Max();
        for (var i = 0; i < DirectionBins; i++)
        {
            var (left, here, right) = (smooth[At(i - 1)], smooth[i], smooth[At(i + 1)]);
            if (here > 0 && here >= least && here > left && here > right)
            {
                var peak = i + (0.5 * (left - right) / (left - (2 * here) + right));
                directions.Add((float)(((peak / DirectionBins * Math.Tau) + Math.Tau) % Math.Tau));
            }
        }

        return directions;

        static int At(int bin) => (bin + DirectionBins) % DirectionBins;
    }

    /// <summary>Histograms of the gradients in 4 x 4 cells that lie along <paramref name="angle"/>: square roots of shares of their sum.</summary>
    public float[] Describe(int x, int y, float angle)
    {
        var cell = 3 * _sigma;
        var (sine, cosine) = Math.SinCos(angle);
        var radius = (int)Math.Round(cell * Math.Sqrt(2) * (Cells + 1) / 2);
        var shares = new float[LocalFeatures.DescriptorLength];
        for (var dy = -radius; dy <= radius; dy++)
        {
            for (var dx = -radius; dx <= radius; dx++)
            {
                var (along, across) = (((dx * cosine) + (dy * sine)) / cell, ((dy * cosine) - (dx * sine)) / cell);
                var (column, row) = (along + (Cells / 2.0) - 0.5, across + (Cells / 2.0) - 0.5);
                if (column <= -1 || column >= Cells || row <= -1 || row >= Cells)
                {
                    continue;
                }

                var (length, direction) = Gradient(x + dx, y + dy);
                var weight = length * Math.Exp(-((along * along) + (across * across)) / (Cells * Cells / 2.0));
                Spread(shares, column, row, (direction - angle + Math.Tau) % Math.Tau / Math.Tau * Bins, weight);
            }
        }

        var norm = MathF.Sqrt(shares.Sum(share => share * share));
        for (var i = 0; i < shares.Length; i++)
        {
            shares[i] = Math.Min(shares[i], LargestShare * norm);
        }

        var sum = Math.Max(shares.Sum(), float.Epsilon);
        for (var i = 0; i < shares.Length; i++)
        {
            shares[i] = MathF.Sqrt(shares[i] / sum);
        }

        return shares;
    }

    /// <summary>Shares a weight out to the two nearest rows, columns and directions.</summary>
    private static void Spread(float[] shares, double column, double row, double bin, double weight)
    {
        var (column0, row0, bin0) = ((int)Math.Floor(column), (int)Math.Floor(row), (int)Math.Floor(bin));
        for (var r = row0; r <= row0 + 1; r++)
        {
            for (var c = column0; c <= column0 + 1; c++)
            {
                if (r is >= 0 and < Cells && c is >= 0 and < Cells)
                {
                    var place = weight * (1 - Math.Abs(row - r)) * (1 - Math.Abs(column - c));
                    var start = ((r * Cells) + c) * Bins;
                    shares[start + (bin0 % Bins)] += (float)(place * (1 - (bin - bin0)));
                    shares[start + ((bin0 + 1) % Bins)] += (float)(place * (bin - bin0));
                }
            }
        }
    }

    /// <summary>Length and direction (0 to a full turn) of the gradient; length 0 at the edge and beyond.</summary>
    private (double Length, double Angle) Gradient(int x, int y)
    {
        if (x < 1 || y < 1 || x >= octave.Width - 1 || y >= octave.Height - 1)
        {
            return (0, 0);
        }

        var at = (y * octave.Width) + x;
        var (dx, dy) = (_picture[at + 1] - _picture[at - 1], _picture[at + octave.Width] - _picture[at - octave.Width]);
        return (Math.Sqrt((dx * dx) + (dy * dy)), (Math.Atan2(dy, dx) + Math.Tau) % Math.Tau);
    }
}
