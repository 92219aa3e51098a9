using Melanoma.Imaging;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Melanoma.Training.Embeddings;

/// <summary>Describes whole pictures, brought to a square, with a frozen network on the CPU: as many at a time as there are cores. Thread-safe.</summary>
internal sealed class PictureEmbedder : IDisposable
{
    private const int Batch = 8;

    private readonly InferenceSession _session;
    private readonly int _side;
    private readonly int _views;

    /// <summary>Loads a network.</summary>
    /// <param name="description">Its <see cref="NetworkDescription.InputSize"/> is the side of the square, in pixels.</param>
    /// <param name="weights">By the names of <see cref="NetworkDescription.Slots"/>.</param>
    /// <param name="textureLayers">The layers that <see cref="PictureEmbedding.Texture"/> is made of.</param>
    /// <param name="views">How many of the eight turned and mirrored views are averaged: 1, 2 (with the mirrored one), 4 or 8.</param>
    public PictureEmbedder(NetworkDescription description, IReadOnlyDictionary<string, Weight> weights, IReadOnlyCollection<int> textureLayers, int views = 1)
    {
        if (views is not (1 or 2 or 4 or 8))
        {
            throw new ArgumentOutOfRangeException(nameof(views), views, "1, 2, 4 or 8 views can be averaged.");
        }

        (_side, _views) = (description.InputSize, views);
        _session = OnnxSession.Open(OnnxExporter.ExportFeatures(description, weights, textureLayers));
    }

    /// <summary>Describes pictures.</summary>
    /// <param name="files">Encoded pictures.</param>
    /// <returns>One for each file, in their order; null where it cannot be decoded.</returns>
    public IReadOnlyList<PictureEmbedding?> Embed(IReadOnlyList<byte[]> files, CancellationToken cancellationToken)
    {
        var embeddings = new PictureEmbedding?[files.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.ForEach(Enumerable.Range(0, files.Count).Chunk(Batch), parallel, batch =>
        {
            var squares = new List<(int Place, byte[] Pixels)>();
            foreach (var place in batch)
            {
                var pixels = new byte[_side * _side * 3];
                if (ImageDecoder.TryDecodeToSquare(files[place], _side, pixels, ImageLimits.Default, out _))
                {
                    squares.Add((place, pixels));
                }
            }

            foreach (var (place, embedding) in squares.Select(square => square.Place).Zip(Describe([.. squares.Select(square => square.Pixels)])))
            {
                embeddings[place] = embedding;
            }
        });
        return embeddings;
    }

    public void Dispose() => _session.Dispose();

    private PictureEmbedding[] Describe(byte[][] squares)
    {
        if (squares.Length == 0)
        {
            return [];
        }

        var (content, texture) = (new float[squares.Length][], new float[squares.Length][]);
        for (var view = 0; view < _views; view++)
        {
            var pixels = squares.SelectMany(square => SquareSymmetry.Apply(square, _side, view)).ToArray();
            var images = new DenseTensor<byte>(pixels, [squares.Length, _side, _side, 3]);
            using var results = _session.Run([NamedOnnxValue.CreateFromTensor("images", images)], ["embedding", "texture"]);
            Add(content, results[0].AsTensor<float>());
            Add(texture, results[1].AsTensor<float>());
        }

        return [.. content.Zip(texture, (c, t) => new PictureEmbedding(c, t))];
    }

    private void Add(float[][] sums, Tensor<float> output)
    {
        var values = ((DenseTensor<float>)output).Buffer.Span;
        var length = values.Length / sums.Length;
        for (var row = 0; row < sums.Length; row++)
        {
            sums[row] ??= new float[length];
            for (var i = 0; i < length; i++)
            {
                sums[row][i] += values[(row * length) + i] / _views;
            }
        }
    }
}
