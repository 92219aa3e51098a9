using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>
/// Trained networks that a new one learns from besides the labels (Hinton, Vinyals and Dean 2015). They see each picture of a batch as it was turned, cut and mixed (Beyer et al. 2022:
/// teacher and student look at the same crop), but before noise, compression and colours changed it, and each of them from another side. So the new one is taught that neither
/// damage nor the way a lesion lies changes its diagnosis.
/// </summary>
/// <param name="networks">At least one, on the device of the network that learns. They are disposed of with this.</param>
/// <param name="share">How much what they say counts beside the labels, 0 to 1.</param>
internal sealed class Teachers(IReadOnlyList<Network> networks, double share) : IDisposable
{
    public double Share { get; } = share;

    /// <summary>The mean of their probabilities.</summary>
    /// <param name="pictures">[N,H,W,3], pixels 0-255.</param>
    /// <param name="offset">What is added to their bare logits, [1,9]: the prior of the loss and the mask of unsupported diagnoses.</param>
    /// <returns>[N,9].</returns>
    public Tensor Probabilities(Tensor pictures, Tensor offset, ScalarType precision, ref SplitMix64 random)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var sum = zeros([pictures.shape[0], offset.shape[1]], ScalarType.Float32, offset.device);
        foreach (var network in networks)
        {
            var seen = ViewBatches.Apply(pictures, random.Below(SquareSymmetry.Count)).contiguous();
            var (logits, _) = network.Forward(seen, training: false, precision);
            sum.add_((logits + offset).softmax(1));
        }

        return sum.div_(networks.Count).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var network in networks)
        {
            network.Dispose();
        }
    }
}
