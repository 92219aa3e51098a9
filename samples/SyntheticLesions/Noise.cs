using System.Numerics;

namespace Melanoma.Samples;

/// <summary>Smooth noise on the plane, and the nearest of scattered points.</summary>
internal sealed class Noise(ulong seed)
{
    /// <summary>Value noise, -1 to 1, one feature per unit.</summary>
    public float At(Vector2 p)
    {
        var x = (int)MathF.Floor(p.X);
        var y = (int)MathF.Floor(p.Y);
        var u = Fade(p.X - x);
        var v = Fade(p.Y - y);
        var top = Lerp(Lattice(x, y, 0), Lattice(x + 1, y, 0), u);
        var bottom = Lerp(Lattice(x, y + 1, 0), Lattice(x + 1, y + 1, 0), u);
        return (2 * Lerp(top, bottom, v)) - 1;
    }

    /// <summary>Fractal noise: each octave twice as fine and half as strong; about -1 to 1.</summary>
    public float Fractal(Vector2 p, int octaves)
    {
        float sum = 0, weight = 1, total = 0;
        for (var i = 0; i < octaves; i++)
        {
            sum += weight * At(p);
            total += weight;
            weight /= 2;
            p = (p * 2) + new Vector2(17.3f, -9.1f);
        }

        return sum / total;
    }

    /// <summary>Distance to the nearest and the second nearest of points scattered one per unit square, and a number 0 to 1 that names the nearest.</summary>
    public (float Nearest, float Second, float Name) Cells(Vector2 p)
    {
        var x = (int)MathF.Floor(p.X);
        var y = (int)MathF.Floor(p.Y);
        float nearest = 9, second = 9, name = 0;
        for (var dy = -1; dy <= 1; dy++)
        {
            for (var dx = -1; dx <= 1; dx++)
            {
                var point = new Vector2(x + dx + Lattice(x + dx, y + dy, 1), y + dy + Lattice(x + dx, y + dy, 2));
                var distance = Vector2.Distance(p, point);
                if (distance < nearest)
                {
                    second = nearest;
                    nearest = distance;
                    name = Lattice(x + dx, y + dy, 3);
                }
                else if (distance < second)
                {
                    second = distance;
                }
            }
        }

        return (nearest, second, name);
    }

    private static float Fade(float t) => t * t * (3 - (2 * t));

    private static float Lerp(float a, float b, float t) => a + ((b - a) * t);

    private float Lattice(int x, int y, int channel) =>
        (SeededRandom.Mix(seed ^ SeededRandom.Mix(((ulong)(uint)x << 32) | (uint)y) ^ ((ulong)channel << 61)) >> 40) / 16_777_216f;
}
