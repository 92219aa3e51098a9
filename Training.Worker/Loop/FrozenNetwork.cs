using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>
/// What a network says while nobody trains it. On a CPU ONNX Runtime answers, with normalisations folded into their convolutions, as the served graph does: several times as
/// fast as the network that can be trained. On an accelerator the network answers itself.
/// </summary>
internal sealed class FrozenNetwork : IDisposable
{
    /// <summary>A picture's answer must not depend on how many processors there are, so neither does what is asked together.</summary>
    private const int PicturesAtOnce = 4;

    private readonly Network _network;
    private readonly InferenceSession? _session;

    /// <param name="network">Its weights are taken as they are now.</param>
    public FrozenNetwork(Network network)
    {
        _network = network;
        if (network.Device.type == TorchSharp.DeviceType.CPU)
        {
            _session = OnnxSession.Open(OnnxExporter.ExportBare(network.Description, network.Weights()));
        }
    }

    /// <summary>Asks about pictures as they are.</summary>
    /// <param name="pixels">Where the pictures are.</param>
    /// <param name="images">Which ones, at least one.</param>
    /// <param name="view">Which of the eight turned and mirrored views; see <see cref="SquareSymmetry"/>.</param>
    /// <returns>The bare logits, nine a picture, and the embeddings, all of one length.</returns>
    public (float[] Logits, float[] Embeddings) Ask(PixelSource pixels, int[] images, int view = 0)
    {
        if (_session is null)
        {
            using var quiet = no_grad();
            using var scope = NewDisposeScope();
            var (answered, embedded) = _network.Forward(ViewBatches.Apply(pixels.Batch(images), view), training: false);
            return (Network.Values(answered), Network.Values(embedded));
        }

        var (side, places) = (_network.Description.InputSize, Enumerable.Range(0, images.Length).Chunk(PicturesAtOnce).ToArray());
        var (logits, embeddings) = (new float[images.Length * Diagnoses.Count], new float[places.Length][]);
        Parallel.For(0, places.Length, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, part =>
        {
            var squares = places[part].SelectMany(place => SquareSymmetry.Apply(pixels.Images[images[place]].ToArray(), side, view)).ToArray();
            var input = new DenseTensor<byte>(squares, [places[part].Length, side, side, 3]);
            using var results = _session.Run([NamedOnnxValue.CreateFromTensor("images", input)], ["logits", "embedding"]);
            ((DenseTensor<float>)results[0].AsTensor<float>()).Buffer.Span.CopyTo(logits.AsSpan(places[part][0] * Diagnoses.Count));
            embeddings[part] = ((DenseTensor<float>)results[1].AsTensor<float>()).Buffer.ToArray();
        });
        return (logits, [.. embeddings.SelectMany(rows => rows)]);
    }

    public void Dispose() => _session?.Dispose();
}
