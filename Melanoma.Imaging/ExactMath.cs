namespace Melanoma.Imaging;

/// <summary>Sine and cosine by series in a fixed order of IEEE operations, because the platform's own may differ in the last bit.</summary>
internal static class ExactMath
{
    public static (double Sin, double Cos) SinCos(double degrees)
    {
        // To within 45 degrees of a quarter turn, where the series is short and quarter turns come out exact.
        var quarters = Math.Round(degrees / 90, MidpointRounding.AwayFromZero);
        var radians = (degrees - (quarters * 90)) * (Math.PI / 180);
        var square = radians * radians;
        double sin = radians, cos = 1, sinTerm = radians, cosTerm = 1;
        for (var n = 1; n <= 10; n++)
        {
            cosTerm *= -square / ((2 * n) * ((2 * n) - 1));
            cos += cosTerm;
            sinTerm *= -square / ((2 * n) * ((2 * n) + 1));
            sin += sinTerm;
        }

        return ((int)quarters & 3) switch
        {
            1 => (cos, -sin),
            2 => (-sin, -cos),
            3 => (-cos, sin),
            _ => (sin, cos),
        };
    }
}
