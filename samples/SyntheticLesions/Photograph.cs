using System.Numerics;
using Melanoma.Imaging;

namespace Melanoma.Samples;

/// <summary>One photograph of a lesion: skin, position, light, hairs and noise of the camera.</summary>
internal sealed class Photograph
{
    private readonly int _size;
    private readonly Lesion _lesion;
    private readonly Noise _skin;
    private readonly Vector3 _skinTone;
    private readonly Vector2 _centre;
    private readonly Vector2 _across;
    private readonly float _zoom;
    private readonly Vector2 _light;
    private readonly float _exposure;
    private readonly float _vignette;
    private readonly float _noise;
    private readonly ulong _noiseSeed;
    private readonly List<Hair> _hairs = [];

    public Photograph(Lesion lesion, ulong lesionSeed, ulong viewSeed, int size)
    {
        _size = size;
        _lesion = lesion;
        // The skin belongs to the patient and stays the same in every view.
        var patient = new SeededRandom(SeededRandom.Mix(lesionSeed ^ 101));
        _skin = new Noise(SeededRandom.Mix(lesionSeed ^ 102));
        _skinTone = Vector3.Lerp(new Vector3(0.93f, 0.76f, 0.69f), new Vector3(0.76f, 0.55f, 0.44f), patient.Next() * patient.Next());

        var view = new SeededRandom(viewSeed);
        var angle = view.Between(0, 2 * MathF.PI);
        _across = new Vector2(MathF.Cos(angle), MathF.Sin(angle));
        _centre = new Vector2(view.Between(-0.12f, 0.12f), view.Between(-0.12f, 0.12f));
        _zoom = view.Between(0.88f, 1.12f);
        _light = new Vector2(view.Between(-0.06f, 0.06f), view.Between(-0.06f, 0.06f));
        _exposure = view.Between(0.93f, 1.05f);
        _vignette = view.Next() < 0.35f ? view.Between(0.5f, 0.9f) : view.Between(0.1f, 0.3f);
        _noise = view.Between(0.008f, 0.02f);
        _noiseSeed = SeededRandom.Mix(viewSeed ^ 103);
        var hairs = view.Next() < 0.55f ? view.Below(9) : 0;
        for (var i = 0; i < hairs; i++)
            _hairs.Add(new Hair(view));
    }

    public RgbImage Take()
    {
        var image = new RgbImage(_size, _size);
        var noise = new SeededRandom(_noiseSeed);
        for (var y = 0; y < _size; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < _size; x++)
            {
                var p = new Vector2(((2f * x) + 1 - _size) / _size, ((2f * y) + 1 - _size) / _size);
                var colour = At(p);
                var grain = _noise * (noise.Next() + noise.Next() + noise.Next() - 1.5f);
                row[3 * x] = Level(colour.X + grain);
                row[(3 * x) + 1] = Level(colour.Y + (0.9f * grain));
                row[(3 * x) + 2] = Level(colour.Z + grain);
            }
        }

        return image;
    }

    private static byte Level(float value) => (byte)Math.Clamp((int)((value * 255) + 0.5f), 0, 255);

    private Vector3 At(Vector2 p)
    {
        var q = (p - _centre) / _zoom;
        q = new Vector2((q.X * _across.X) + (q.Y * _across.Y), (q.Y * _across.X) - (q.X * _across.Y));
        var colour = _lesion.Over(Skin(q), q / _lesion.Radius * new Vector2(1, _lesion.Stretch));
        foreach (var hair in _hairs)
            colour = hair.Over(colour, p, 2.2f / _size);
        colour *= _exposure + Vector2.Dot(p, _light);
        var fromCentre = p.LengthSquared();
        return colour * (1 - (_vignette * Math.Clamp((fromCentre - 0.8f) / 0.9f, 0, 1)));
    }

    private Vector3 Skin(Vector2 q)
    {
        var broad = _skin.Fractal(q * 1.6f, 3);
        var (near, second, _) = _skin.Cells(q * 13);
        var furrow = Math.Clamp((0.16f - (second - near)) / 0.16f, 0, 1);
        var pores = _skin.At(q * 42);
        var tone = _skinTone * (1 + (0.05f * broad) + (0.015f * pores) - (0.035f * furrow));
        // Blood shows more in green and blue.
        var flush = 0.04f * _skin.At((q * 2.3f) + new Vector2(31, 7));
        return tone - new Vector3(0, flush, flush);
    }

    /// <summary>A dark bent line.</summary>
    private sealed class Hair
    {
        private readonly Vector2[] _points = new Vector2[13];
        private readonly Vector3 _colour;
        private readonly float _breadth;

        public Hair(SeededRandom random)
        {
            var start = new Vector2(random.Between(-1.1f, 1.1f), random.Between(-1.1f, 1.1f));
            var angle = random.Between(0, 2 * MathF.PI);
            var along = new Vector2(MathF.Cos(angle), MathF.Sin(angle)) * random.Between(0.6f, 1.8f);
            var bend = new Vector2(-along.Y, along.X) * random.Between(-0.35f, 0.35f);
            for (var i = 0; i < _points.Length; i++)
            {
                var t = i / (float)(_points.Length - 1);
                _points[i] = start + (along * t) + (bend * (4 * t * (1 - t)));
            }

            _colour = Vector3.Lerp(new Vector3(0.13f, 0.09f, 0.07f), new Vector3(0.42f, 0.29f, 0.19f), random.Next());
            _breadth = random.Between(0.004f, 0.011f);
        }

        public Vector3 Over(Vector3 below, Vector2 p, float pixel)
        {
            var distance = float.MaxValue;
            for (var i = 1; i < _points.Length; i++)
            {
                var along = _points[i] - _points[i - 1];
                var t = Math.Clamp(Vector2.Dot(p - _points[i - 1], along) / along.LengthSquared(), 0, 1);
                distance = MathF.Min(distance, Vector2.DistanceSquared(p, _points[i - 1] + (along * t)));
            }

            var cover = Math.Clamp((_breadth + (pixel / 2) - MathF.Sqrt(distance)) / pixel, 0, 1);
            return cover > 0 ? Vector3.Lerp(below, _colour, cover * 0.85f) : below;
        }
    }
}
