using System.Numerics;
using Melanoma.Contracts;

namespace Melanoma.Samples;

/// <summary>One made-up lesion: its shape and its colours over skin, in coordinates in which its border lies near radius 1.</summary>
internal sealed class Lesion
{
    private readonly Diagnosis _diagnosis;
    private readonly Noise _shape;
    private readonly Noise _texture;
    private readonly Noise _detail;
    private readonly Vector2 _drift;
    private readonly float _irregularity;
    private readonly float _softness;
    private readonly float _grain;
    private readonly float _tone;
    private readonly Vector2[] _spots;

    public Lesion(Diagnosis diagnosis, ulong seed)
    {
        var random = new SeededRandom(seed);
        _diagnosis = diagnosis;
        _shape = new Noise(SeededRandom.Mix(seed ^ 1));
        _texture = new Noise(SeededRandom.Mix(seed ^ 2));
        _detail = new Noise(SeededRandom.Mix(seed ^ 3));
        _drift = new Vector2(random.Between(-50, 50), random.Between(-50, 50));
        _irregularity = diagnosis switch
        {
            Diagnosis.Melanoma => random.Between(0.40f, 0.62f),
            Diagnosis.ActinicKeratosis => random.Between(0.30f, 0.45f),
            Diagnosis.SquamousCellCarcinoma or Diagnosis.BasalCellCarcinoma => random.Between(0.20f, 0.35f),
            Diagnosis.PigmentedBenignKeratosis => random.Between(0.18f, 0.30f),
            Diagnosis.SeborrheicKeratosis => random.Between(0.12f, 0.22f),
            _ => random.Between(0.05f, 0.14f),
        };
        _softness = diagnosis switch
        {
            Diagnosis.ActinicKeratosis => 0.45f,
            Diagnosis.Dermatofibroma or Diagnosis.BasalCellCarcinoma => 0.28f,
            Diagnosis.Nevus => random.Between(0.12f, 0.22f),
            Diagnosis.SeborrheicKeratosis or Diagnosis.PigmentedBenignKeratosis => 0.05f,
            _ => 0.12f,
        };
        _grain = random.Between(0.85f, 1.2f);
        _tone = random.Between(-0.05f, 0.05f);
        Radius = diagnosis == Diagnosis.Dermatofibroma ? random.Between(0.38f, 0.52f) : random.Between(0.42f, 0.62f);
        Stretch = diagnosis is Diagnosis.Melanoma or Diagnosis.SeborrheicKeratosis ? random.Between(1.1f, 1.35f) : random.Between(1f, 1.18f);
        _spots = new Vector2[10];
        for (var i = 0; i < _spots.Length; i++)
        {
            var angle = random.Between(0, 2 * MathF.PI);
            var reach = MathF.Sqrt(random.Next()) * 0.8f;
            _spots[i] = new Vector2(MathF.Cos(angle), MathF.Sin(angle)) * reach;
        }
    }

    /// <summary>Radius as a share of half the picture.</summary>
    public float Radius { get; }

    /// <summary>Length over breadth.</summary>
    public float Stretch { get; }

    /// <summary>Lays the lesion over the colour of the skin at a point.</summary>
    public Vector3 Over(Vector3 skin, Vector2 p)
    {
        var around = p.Length();
        if (around > 2.2f)
            return skin;
        var wave = (0.75f * _shape.Fractal((p * 1.3f) + _drift, 2)) + (0.25f * _shape.Fractal((p * 5) + _drift, 2));
        var edge = around + (_irregularity * wave);
        var cover = Step(1 + _softness, 1 - _softness, edge);
        return cover <= 0 && _diagnosis != Diagnosis.ActinicKeratosis ? skin : Paint(skin, p, edge, cover);
    }

    private static Vector3 Colour(int rgb) => new(((rgb >> 16) & 255) / 255f, ((rgb >> 8) & 255) / 255f, (rgb & 255) / 255f);

    private static float Step(float from, float to, float value)
    {
        var t = Math.Clamp((value - from) / (to - from), 0, 1);
        return t * t * (3 - (2 * t));
    }

    private Vector3 Paint(Vector3 skin, Vector2 p, float edge, float cover) => _diagnosis switch
    {
        Diagnosis.ActinicKeratosis => ActinicKeratosis(skin, p, cover),
        Diagnosis.BasalCellCarcinoma => BasalCellCarcinoma(skin, p, cover),
        Diagnosis.Dermatofibroma => Dermatofibroma(skin, p, edge, cover),
        Diagnosis.Melanoma => Melanoma(skin, p, edge, cover),
        Diagnosis.Nevus => Nevus(skin, p, edge, cover),
        Diagnosis.PigmentedBenignKeratosis => PigmentedBenignKeratosis(skin, p, edge, cover),
        Diagnosis.SeborrheicKeratosis => SeborrheicKeratosis(skin, p, edge, cover),
        Diagnosis.SquamousCellCarcinoma => SquamousCellCarcinoma(skin, p, edge, cover),
        _ => VascularLesion(skin, p, edge, cover),
    };

    // A red, rough patch without a clear border: pale follicles in a red net, yellowish scale.
    private Vector3 ActinicKeratosis(Vector3 skin, Vector2 p, float cover)
    {
        var (near, second, _) = _texture.Cells((p * 6.5f * _grain) + _drift);
        var net = Step(0.32f, 0.04f, second - near);
        var red = Vector3.Lerp(Colour(0xD98878), Colour(0xBE5A50), net);
        var colour = Vector3.Lerp(skin, red, cover * (0.55f + (0.25f * _detail.Fractal((p * 3) + _drift, 3))));
        var scale = Step(0.12f, 0.5f, _detail.Fractal((p * 4.5f) - _drift, 3));
        return Vector3.Lerp(colour, Colour(0xF0DDBE), cover * scale * 0.8f);
    }

    // Pearly pink with grey-blue nests and branching vessels.
    private Vector3 BasalCellCarcinoma(Vector3 skin, Vector2 p, float cover)
    {
        var pearl = 0.5f + (0.5f * _texture.Fractal((p * 2) + _drift, 2));
        var colour = Vector3.Lerp(skin, Vector3.Lerp(Colour(0xE3A59A), Colour(0xF3D5CC), pearl), cover * 0.85f);
        foreach (var spot in _spots.AsSpan(0, 6))
        {
            var nest = Step(0.30f, 0.12f, Vector2.Distance(p, spot) + (0.14f * _detail.At((p * 5) + spot)));
            colour = Vector3.Lerp(colour, Colour(0x5C6273), cover * nest * 0.85f);
        }

        return Vector3.Lerp(colour, Colour(0xB3262E), cover * Vessels(p, 2.1f, 0.035f) * 0.85f);
    }

    // Round, a white scar in the middle, a fine brown net around it.
    private Vector3 Dermatofibroma(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var (near, second, _) = _texture.Cells((p * 9 * _grain) + _drift);
        var net = Step(0.26f, 0.02f, second - near);
        var ring = Vector3.Lerp(Colour(0xC99676), Colour(0x8F5A3E), net * 0.8f);
        var colour = Vector3.Lerp(skin, ring, cover * 0.85f);
        var scar = Step(0.52f, 0.26f, edge + (0.14f * _detail.Fractal((p * 4) + _drift, 3)));
        return Vector3.Lerp(colour, Colour(0xF4E4DA), scar * 0.9f);
    }

    // Lopsided, many colours, blue-white veil, black dots and blots out to the border.
    private Vector3 Melanoma(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var mix = _texture.Fractal((p * 1.5f) + _drift, 3);
        var colour = Vector3.Lerp(Colour(0x79492C), Colour(0x2B1710), Step(-0.25f, 0.25f, mix));
        colour = Vector3.Lerp(colour, Colour(0x141013), Step(0.12f, 0.38f, _detail.Fractal((p * 2.2f) - _drift, 3)));
        var veil = Step(0.55f, 0.2f, Vector2.Distance(p, _spots[0] * 0.7f) + (0.15f * mix));
        colour = Vector3.Lerp(colour, Colour(0x66748C), veil * 0.8f);
        colour = Vector3.Lerp(colour, Colour(0xA34436), Step(0.42f, 0.15f, Vector2.Distance(p, _spots[1])) * 0.7f);
        var (near, _, name) = _detail.Cells((p * 6) + _drift);
        var dots = name > 0.62f ? Step(0.3f, 0.16f, near) : 0;
        colour = Vector3.Lerp(colour, Colour(0x0D090A), dots * Step(0.2f, 0.7f, edge) * 0.9f);
        return Vector3.Lerp(skin, colour, cover * 0.96f);
    }

    // Round, one brown with a regular net, a little paler to the border.
    private Vector3 Nevus(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var (near, second, _) = _texture.Cells((p * 8 * _grain) + _drift);
        var net = Step(0.3f, 0.05f, second - near);
        var brown = Vector3.Lerp(Colour(0x7A4A2C), Colour(0xA9744C), Step(0.1f, 0.95f, edge));
        brown = Vector3.Lerp(brown, Colour(0x53301C), net * 0.55f) + new Vector3(_tone);
        return Vector3.Lerp(skin, brown, cover * 0.92f);
    }

    // Light brown, sharply cut, with parallel lines like a fingerprint.
    private Vector3 PigmentedBenignKeratosis(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var bend = _texture.Fractal((p * 1.1f) + _drift, 2);
        var lines = 0.5f + (0.5f * MathF.Sin((36 * _grain * (p.X + (0.5f * bend))) + (9 * bend)));
        var colour = Vector3.Lerp(Colour(0xBF9162), Colour(0x8F6238), lines * 0.55f);
        colour = Vector3.Lerp(colour, Colour(0xAD7F4C), Step(0.7f, 1f, edge) * 0.4f) + new Vector3(_tone);
        return Vector3.Lerp(skin, colour, cover * 0.9f);
    }

    // Waxy grey-brown as if stuck on, with white grains and dark plugs.
    private Vector3 SeborrheicKeratosis(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var folds = MathF.Abs(_texture.Fractal((p * 3.2f) + _drift, 3));
        var colour = Vector3.Lerp(Colour(0x574841), Colour(0x8C7A6C), Step(0, 0.35f, folds));
        colour = Vector3.Lerp(colour, Colour(0x453731), Step(0.8f, 1f, edge) * 0.6f);
        var (near, _, name) = _detail.Cells((p * 4.2f) + _drift);
        var grain = Step(0.27f, 0.17f, near);
        if (name > 0.6f)
            colour = Vector3.Lerp(colour, Colour(0xF1E8D4), grain * 0.95f);
        else if (name > 0.25f)
            colour = Vector3.Lerp(colour, Colour(0x1F1713), grain * 0.9f);
        return Vector3.Lerp(skin, colour + new Vector3(_tone), cover * 0.97f);
    }

    // Red, a yellow-white horny mass in the middle, blood spots, vessels that stand around it.
    private Vector3 SquamousCellCarcinoma(Vector3 skin, Vector2 p, float edge, float cover)
    {
        var rough = _texture.Fractal((p * 3) + _drift, 3);
        var colour = Vector3.Lerp(Colour(0xC65B55), Colour(0xE09087), 0.5f + rough);
        var angle = MathF.Atan2(p.Y, p.X) + (0.6f * rough);
        var hairpins = Step(0.72f, 0.95f, MathF.Sin(26 * angle)) * Step(0.45f, 0.65f, edge) * Step(1.05f, 0.9f, edge);
        colour = Vector3.Lerp(colour, Colour(0x8E1620), hairpins * 0.8f);
        var horn = Step(0.62f, 0.42f, edge + (0.25f * _detail.Fractal((p * 4) + _drift, 3)));
        var crust = Vector3.Lerp(Colour(0xEAD08D), Colour(0xC29450), 0.5f + (0.9f * _detail.Fractal((p * 7) - _drift, 2)));
        colour = Vector3.Lerp(colour, crust, horn * 0.95f);
        foreach (var spot in _spots.AsSpan(0, 4))
            colour = Vector3.Lerp(colour, Colour(0x5A0E12), Step(0.16f, 0.07f, Vector2.Distance(p, spot * 0.6f) + (0.05f * rough)) * 0.9f);
        return Vector3.Lerp(skin, colour, cover * 0.92f);
    }

    // Red and purple lagoons, parted by pale walls.
    private Vector3 VascularLesion(Vector3 skin, Vector2 p, float edge, float cover)
    {
        // Bent walls, so that the lagoons are not facets.
        var bent = p + (0.09f * new Vector2(_detail.At(p * 3.5f), _detail.At((p * 3.5f) + new Vector2(5, 11))));
        var (near, second, name) = _texture.Cells((bent * 3 * _grain) + _drift);
        var lagoon = Vector3.Lerp(Colour(0xB01428), Colour(0x4C0F3C), name);
        lagoon = Vector3.Lerp(lagoon * 1.25f, lagoon * 0.8f, Step(0, 0.6f, near));
        var wall = Step(0.2f, 0.05f, second - near);
        var colour = Vector3.Lerp(lagoon, Colour(0xD9848A), wall * 0.75f);
        colour = Vector3.Lerp(colour, Colour(0xC8506A), Step(0.85f, 1.05f, edge) * 0.5f);
        return Vector3.Lerp(skin, colour, cover * 0.95f);
    }

    // The zero lines of noise wander and branch like vessels.
    private float Vessels(Vector2 p, float frequency, float breadth)
    {
        var bent = p + (0.12f * new Vector2(_detail.At(p * 4), _detail.At((p * 4) + new Vector2(7, 3))));
        var ridge = MathF.Abs(_shape.Fractal((bent * frequency) - _drift, 2));
        return Step(breadth * 1.6f, breadth * 0.4f, ridge) * Step(-0.3f, 0.1f, _texture.At((p * 1.4f) - _drift));
    }
}
