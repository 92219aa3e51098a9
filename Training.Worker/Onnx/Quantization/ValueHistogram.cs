namespace Melanoma.Training.Onnx.Quantization;

/// <summary>How often the values of a tensor occur, over pictures. Zeros are left out: they are exact whatever the bytes are.</summary>
/// <param name="low">The smallest value.</param>
/// <param name="high">The largest.</param>
internal sealed class ValueHistogram(float low, float high)
{
    private const int Bins = 2048;

    /// <summary>The part of the whole range that is tried first, and by how much it shrinks from one try to the next.</summary>
    private const double Whole = 1, Step = 0.04, Least = 0.2;

    private readonly long[] _counts = new long[Bins];
    private readonly double _width = ((double)high - low) / Bins;

    public void Add(ReadOnlySpan<float> values)
    {
        var perBin = (float)(1 / _width);
        foreach (var value in values)
        {
            if (value != 0)
            {
                _counts[Math.Clamp((int)((value - low) * perBin), 0, Bins - 1)]++;
            }
        }
    }

    /// <summary>The bytes with the smallest mean square error: finer ones round less, but more values saturate.</summary>
    public ByteScale LeastError()
    {
        if (!(_width > 0))
        {
            return ByteScale.Between(low, high);
        }

        var (best, least) = ((Low: 0.0, High: 0.0), double.PositiveInfinity);
        for (var below = Whole; below >= Least; below -= Step)
        {
            for (var above = Whole; above >= Least; above -= Step)
            {
                var range = (Low: Math.Min(0, low) * below, High: Math.Max(0, high) * above);
                var error = SquareError(range.Low, range.High);
                if (error < least)
                {
                    (best, least) = (range, error);
                }
            }

            if (low >= 0)
            {
                break;
            }
        }

        return ByteScale.Between(best.Low, best.High);
    }

    private double SquareError(double from, double to)
    {
        var unit = ByteScale.Between(from, to).Unit;
        var (rounded, error) = ((double)unit * unit / 12, 0.0);
        for (var bin = 0; bin < Bins; bin++)
        {
            var value = low + ((bin + 0.5) * _width);
            var beyond = Math.Max(0, Math.Max(from - value, value - to));
            error += _counts[bin] * (rounded + (beyond * beyond));
        }

        return error;
    }
}
