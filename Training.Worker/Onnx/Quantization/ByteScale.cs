namespace Melanoma.Training.Onnx.Quantization;

/// <summary>Real numbers as bytes: real = <paramref name="Unit"/> x (byte - <paramref name="Zero"/>). Zero is exact, because padding and ReLU write it.</summary>
/// <param name="Unit">From one byte to the next; above 0.</param>
/// <param name="Zero">The byte that means 0.</param>
internal readonly record struct ByteScale(float Unit, byte Zero)
{
    private const int Steps = byte.MaxValue;

    /// <summary>The finest bytes that reach from <paramref name="low"/> to <paramref name="high"/>, and to zero; what is beyond them saturates.</summary>
    public static ByteScale Between(double low, double high)
    {
        (low, high) = (Math.Min(low, 0), Math.Max(high, 0));
        var unit = high > low ? (high - low) / Steps : 1.0 / Steps;
        return new ByteScale((float)unit, (byte)Math.Clamp(Math.Round(-low / unit), 0, Steps));
    }
}
