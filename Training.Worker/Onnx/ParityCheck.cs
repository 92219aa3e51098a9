using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace Melanoma.Training.Onnx;

/// <summary>Holds the served graph against the trained module: what one says of a picture, the other must say too.</summary>
internal static class ParityCheck
{
    /// <summary>Largest difference of a probability that is let through.</summary>
    public const double Tolerance = ModelReport.LargestParityDifference;

    /// <summary>The largest difference of a probability between TorchSharp and ONNX Runtime on the same pictures.</summary>
    /// <param name="pixels">One or more pictures, uint8 [N,H,W,3].</param>
    /// <param name="views">At how many views of a picture the graph looks: 1 or 8.</param>
    public static double LargestDifference(Network network, OutputRule rule, byte[] model, byte[] pixels, int views = 1)
    {
        var size = network.Description.InputSize;
        var count = pixels.Length / (size * size * 3);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();

        // An accelerator rounds the factors of its products (TensorFloat-32); what is compared is the graph, so both calculate on the CPU.
        using var onCpu = new Network(network.Description, seed: 0);
        onCpu.Load(network.Weights());
        var images = tensor(pixels, [count, size, size, 3]);
        var logits = ViewBatches.Mean(
            [.. Enumerable.Range(0, views).Select(view => Network.Values(onCpu.Forward(ViewBatches.Apply(images, view), training: false).Logits))]);

        using var session = OnnxSession.Open(model);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [count, size, size, 3]))], ["probabilities"]);
        var served = ((DenseTensor<float>)results[0].AsTensor<float>()).Buffer.Span;

        var largest = 0.0;
        for (var image = 0; image < count; image++)
        {
            var expected = rule.Probabilities(logits.AsSpan(image * Diagnoses.Count, Diagnoses.Count));
            for (var i = 0; i < Diagnoses.Count; i++)
            {
                var difference = Math.Abs(expected[i] - served[(image * Diagnoses.Count) + i]);
                largest = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(largest, difference);
            }
        }

        return largest;
    }

    /// <summary>Checks on noise, on smooth pictures and on pictures given.</summary>
    /// <param name="real">Pictures of the data set, uint8 [N,H,W,3]; may be empty.</param>
    /// <param name="views">At how many views of a picture the graph looks: 1 or 8.</param>
    /// <returns>The largest difference seen.</returns>
    /// <exception cref="ParityException">A probability differs by more than <see cref="Tolerance"/>.</exception>
    public static double Require(Network network, OutputRule rule, byte[] model, byte[] real, int views = 1)
    {
        var size = network.Description.InputSize;
        var largest = Math.Max(LargestDifference(network, rule, model, Noise(4, size), views), LargestDifference(network, rule, model, Smooth(4, size), views));
        if (real.Length > 0)
        {
            largest = Math.Max(largest, LargestDifference(network, rule, model, real, views));
        }

        return largest <= Tolerance ? largest : throw new ParityException(largest);
    }

    /// <summary>Independent random pixels.</summary>
    public static byte[] Noise(int count, int size)
    {
        var random = SplitMix64.At(count, size);
        var pixels = new byte[count * size * size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)random.Next();
        }

        return pixels;
    }

    /// <summary>Skin-coloured pictures with a dark round spot.</summary>
    public static byte[] Smooth(int count, int size)
    {
        var pixels = new byte[count * size * size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (place, channel) = (i / 3, i % 3);
            var (image, y, x) = (place / (size * size), place / size % size, place % size);
            var distance = Math.Sqrt(Math.Pow(((double)x / size) - 0.5, 2) + Math.Pow(((double)y / size) - 0.45, 2));
            var skin = 220 - (channel * 30) - (10 * image);
            pixels[i] = (byte)(distance < 0.15 + (0.05 * image) ? skin * 0.45 : skin - (40 * distance));
        }

        return pixels;
    }
}

/// <summary>The served graph does not say what the trained network says.</summary>
internal sealed class ParityException(double difference)
    : Exception(FormattableString.Invariant($"ONNX and TorchSharp differ by {difference:g3} in a probability; at most {ParityCheck.Tolerance:g1} is let through."))
{
    public double Difference { get; } = difference;
}
