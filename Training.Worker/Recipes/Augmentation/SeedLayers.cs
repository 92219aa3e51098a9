using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Recipes.Augmentation;

/// <summary>Mirrors left-right and top-bottom, each with probability 1/2.</summary>
internal sealed record RandomFlip : OnlineLayer
{
    public override bool MovesPlaces => true;

    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var generator = random;
        var flipped = Either(images.flip(2), images, () => generator.NextDouble() < 0.5);
        flipped = Either(flipped.flip(1), flipped, () => generator.NextDouble() < 0.5);
        random = generator;
        return flipped;
    }
}

/// <summary>One of the eight turned and mirrored views of the square, each as likely.</summary>
internal sealed record RandomSymmetry : OnlineLayer
{
    public override bool MovesPlaces => true;

    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var flipped = new RandomFlip().Apply(images, ref random);
        var generator = random;
        var turned = Either(flipped.transpose(1, 2), flipped, () => generator.NextDouble() < 0.5);
        random = generator;
        return turned;
    }
}

/// <summary>Turns about the centre by an angle drawn from -<paramref name="Turns"/> to +<paramref name="Turns"/> of a full turn.</summary>
internal sealed record RandomRotation(double Turns) : OnlineLayer
{
    public override bool MovesPlaces => true;

    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var matrices = new float[images.shape[0] * 6];
        for (var i = 0; i < matrices.Length; i += 6)
        {
            var (sine, cosine) = MathF.SinCos(random.Between(-Turns, Turns) * 2 * MathF.PI);
            (matrices[i], matrices[i + 1], matrices[i + 3], matrices[i + 4]) = (cosine, -sine, sine, cosine);
        }

        return Resample(images, matrices);
    }
}

/// <summary>Scales about the centre by a factor drawn from 1 - <paramref name="Factor"/> to 1 + <paramref name="Factor"/>; above 1 shows more than the picture.</summary>
internal sealed record RandomZoom(double Factor) : OnlineLayer
{
    public override bool MovesPlaces => true;

    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var matrices = new float[images.shape[0] * 6];
        for (var i = 0; i < matrices.Length; i += 6)
        {
            matrices[i] = matrices[i + 4] = random.Between(1 - Factor, 1 + Factor);
        }

        return Resample(images, matrices);
    }
}

/// <summary>Multiplies each channel's distance from its mean by 1 - <paramref name="Factor"/> to 1 + <paramref name="Factor"/> and clips to 0-255.</summary>
internal sealed record RandomContrast(double Factor) : OnlineLayer
{
    public override Tensor Apply(Tensor images, ref SplitMix64 random)
    {
        var factors = new float[images.shape[0]];
        foreach (ref var factor in factors.AsSpan())
        {
            factor = random.Between(1 - Factor, 1 + Factor);
        }

        var x = images.to(ScalarType.Float32);
        var mean = x.mean([1, 2], keepdim: true);
        return (((x - mean) * tensor(factors, [factors.Length, 1, 1, 1]).to(x.device, non_blocking: true)) + mean).clamp(0, 255);
    }
}
