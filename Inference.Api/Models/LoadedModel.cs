using System.Collections.Concurrent;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Microsoft.ML.OnnxRuntime;

namespace Melanoma.Inference.Models;

/// <summary>
/// A model version that is ready to answer. Its users are counted: it is disposed of when its owner has retired it and
/// the last request in flight has finished.
/// </summary>
internal sealed class LoadedModel(int version, InferenceSession session, ModelProperties properties, string provider)
{
    private readonly ConcurrentBag<RunBuffers> _buffers = [];
    private readonly ConcurrentBag<RunBuffers> _mapping = [];
    private readonly ConcurrentBag<RunBuffers> _viewing = [];
    private readonly MapShape? _map = properties.HasActivationMap ? MapShape.Of(session) : null;
    private int _users = 1;

    public int Version { get; } = version;

    public ModelProperties Properties { get; } = properties;

    /// <summary>The execution provider that computes.</summary>
    public string Provider { get; } = provider;

    /// <summary>Bytes of one picture as the network takes it.</summary>
    public int PictureBytes => Properties.InputSize * Properties.InputSize * 3;

    /// <summary>Takes part in the model's life until the lease is disposed of; null when it is gone already.</summary>
    public ModelLease? TryLease()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
            {
                return new ModelLease(this);
            }

            users = seen;
        }

        return null;
    }

    /// <summary>The owner lets go. Called once.</summary>
    public void Retire() => Release();

    /// <summary>Decodes a picture and runs the network, in buffers that are used again.</summary>
    /// <param name="image">The encoded picture.</param>
    /// <param name="extra">What is wanted besides; for a map the version must have one.</param>
    /// <param name="cancellationToken">Looked at before decoding and before running.</param>
    /// <param name="refusal">Why the picture is refused; null when it was classified.</param>
    /// <returns>What the version says; null when the picture is refused.</returns>
    public ModelAnswer? Classify(ReadOnlySpan<byte> image, AnswerExtra extra, CancellationToken cancellationToken, out ImageRefusal? refusal)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var withMap = extra == AnswerExtra.Map;
        var pool = withMap ? _mapping : _buffers;
        if (!pool.TryTake(out var buffers))
        {
            buffers = NewBuffers(1, withMap);
        }

        try
        {
            if (!ImageDecoder.TryDecodeToSquares(
                image, Properties.InputSize, buffers.Pixels, PictureMeasures.Side, buffers.Sketch.Pixels, ImageLimits.Default, out var header, out refusal))
            {
                return null;
            }

            cancellationToken.ThrowIfCancellationRequested();
            var quality = PictureMeasures.Of(buffers.Sketch, header, image).Quality;
            Run(buffers);
            var probabilities = Numbers(buffers.Probabilities);
            return new ModelAnswer(
                probabilities,
                Properties.DistanceLimit is null ? null : buffers.Distances[0],
                quality,
                header.UprightWidth,
                header.UprightHeight,
                withMap ? new ActivationMap(_map!.Value.Rows, _map.Value.Columns, buffers.Maps.ToArray()) : null,
                extra == AnswerExtra.Views ? Views(buffers.Pixels, probabilities, cancellationToken) : null);
        }
        finally
        {
            pool.Add(buffers);
        }
    }

    /// <summary>Memory for some pictures, bound to this version's graph.</summary>
    /// <exception cref="InvalidOperationException">A map is wanted of a version that has none.</exception>
    public RunBuffers NewBuffers(int pictures, bool withMap = false) => new(
        pictures, Properties.InputSize, Properties.DistanceLimit is not null, withMap ? _map ?? throw new InvalidOperationException("This version has no activation map.") : null);

    /// <summary>Runs the network on ready pictures.</summary>
    public void Run(RunBuffers buffers) => session.Run(buffers.Options, RunBuffers.InputNames, buffers.Inputs, buffers.OutputNames, buffers.Outputs);

    internal void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
        {
            return;
        }

        foreach (var buffers in _buffers.Concat(_mapping).Concat(_viewing))
        {
            buffers.Dispose();
        }

        session.Dispose();
        FreedMemory.GiveBack();
    }

    private static double[] Numbers(ReadOnlySpan<float> probabilities)
    {
        var numbers = new double[probabilities.Length];
        for (var index = 0; index < numbers.Length; index++)
        {
            numbers[index] = probabilities[index];
        }

        return numbers;
    }

    // The answer itself was given by the picture alone, as always; only the other views go together.
    private double[][] Views(ReadOnlySpan<byte> square, double[] answer, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_viewing.TryTake(out var others))
        {
            others = NewBuffers(SquareSymmetry.Count - 1);
        }

        try
        {
            for (var view = 1; view < SquareSymmetry.Count; view++)
            {
                SquareSymmetry.Apply(square, Properties.InputSize, view, others.Pixels.Slice((view - 1) * PictureBytes, PictureBytes));
            }

            Run(others);
            var views = new double[SquareSymmetry.Count][];
            views[0] = answer;
            for (var view = 1; view < views.Length; view++)
            {
                views[view] = Numbers(others.Probabilities.Slice((view - 1) * Diagnoses.Count, Diagnoses.Count));
            }

            return views;
        }
        finally
        {
            _viewing.Add(others);
        }
    }
}

/// <summary>What may be wanted besides an answer.</summary>
internal enum AnswerExtra
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The activation map.</summary>
    Map,

    /// <summary>What the version says of the eight turned and mirrored views.</summary>
    Views,
}

/// <summary>Keeps a model alive while a request uses it.</summary>
internal sealed class ModelLease(LoadedModel model) : IDisposable
{
    private LoadedModel? _model = model;

    public LoadedModel Model => _model ?? throw new ObjectDisposedException(nameof(ModelLease));

    public void Dispose() => Interlocked.Exchange(ref _model, null)?.Release();
}

/// <summary>Memory that the network reads pictures from and writes probabilities to, bound once.</summary>
internal sealed class RunBuffers : IDisposable
{
    private readonly byte[] _pixels;
    private readonly float[] _probabilities;
    private readonly float[] _distances;
    private readonly float[] _maps;

    /// <param name="pictures">How many at once.</param>
    /// <param name="side">Of a picture, in pixels.</param>
    /// <param name="distance">Whether the graph tells how far a picture is from those trained on.</param>
    /// <param name="map">The shape of the activation map, where it is wanted.</param>
    public RunBuffers(int pictures, int side, bool distance, MapShape? map)
    {
        _pixels = GC.AllocateUninitializedArray<byte>(pictures * side * side * 3, pinned: true);
        _probabilities = Numbers(pictures * Diagnoses.Count);
        _distances = Numbers(distance ? pictures : 0);
        _maps = Numbers(map is { } shape ? pictures * Diagnoses.Count * shape.Rows * shape.Columns : 0);
        Inputs = [OrtValue.CreateTensorValueFromMemory(_pixels, [pictures, side, side, 3])];
        var names = new List<string> { ModelGraph.Probabilities };
        var outputs = new List<OrtValue> { OrtValue.CreateTensorValueFromMemory(_probabilities, [pictures, Diagnoses.Count]) };
        if (distance)
        {
            names.Add(ModelGraph.Distance);
            outputs.Add(OrtValue.CreateTensorValueFromMemory(_distances, [pictures, 1]));
        }

        if (map is { } grid)
        {
            names.Add(ModelGraph.ActivationMap);
            outputs.Add(OrtValue.CreateTensorValueFromMemory(_maps, [pictures, Diagnoses.Count, grid.Rows, grid.Columns]));
        }

        (OutputNames, Outputs) = (names, outputs);
    }

    public static IReadOnlyCollection<string> InputNames { get; } = [ModelGraph.Images];

    public IReadOnlyCollection<string> OutputNames { get; }

    public RunOptions Options { get; } = new();

    public IReadOnlyCollection<OrtValue> Inputs { get; }

    public IReadOnlyCollection<OrtValue> Outputs { get; }

    /// <summary>uint8 [N,H,W,3].</summary>
    public Span<byte> Pixels => _pixels;

    /// <summary>The picture as its quality is measured.</summary>
    public RgbImage Sketch { get; } = new(PictureMeasures.Side, PictureMeasures.Side);

    /// <summary>[N,9].</summary>
    public Span<float> Probabilities => _probabilities;

    /// <summary>[N], where they are wanted.</summary>
    public Span<float> Distances => _distances;

    /// <summary>[N,9,rows,columns], where they are wanted.</summary>
    public Span<float> Maps => _maps;

    public void Dispose()
    {
        foreach (var value in Inputs.Concat(Outputs))
        {
            value.Dispose();
        }

        Options.Dispose();
    }

    private static float[] Numbers(int count) => GC.AllocateUninitializedArray<float>(count, pinned: true);
}

/// <summary>What a model version says of a picture.</summary>
/// <param name="Probabilities">Nine, in index order.</param>
/// <param name="Distance">How far it is from the pictures trained on; null where the version cannot tell.</param>
/// <param name="Quality">What was measured of it.</param>
/// <param name="Width">Of the upright picture, in pixels.</param>
/// <param name="Height">Of the upright picture, in pixels.</param>
/// <param name="Map">Where the network saw what; null unless asked for.</param>
/// <param name="Views">The probabilities of each view of <see cref="SquareSymmetry"/>; null unless asked for.</param>
internal sealed record ModelAnswer(double[] Probabilities, double? Distance, ImageQuality Quality, int Width, int Height, ActivationMap? Map, double[][]? Views);

/// <summary>What each place of a picture adds to each diagnosis' logit.</summary>
/// <param name="Rows">From the picture's top to its bottom.</param>
/// <param name="Columns">From left to right.</param>
/// <param name="Values">[9,rows,columns].</param>
internal sealed record ActivationMap(int Rows, int Columns, float[] Values)
{
    /// <summary>Row by row.</summary>
    public ReadOnlySpan<float> Of(Diagnosis diagnosis) => Values.AsSpan((int)diagnosis * Rows * Columns, Rows * Columns);
}

/// <summary>The shape of a graph's activation map.</summary>
internal readonly record struct MapShape(int Rows, int Columns)
{
    public static MapShape Of(InferenceSession session)
    {
        var sides = session.OutputMetadata[ModelGraph.ActivationMap].Dimensions;
        return new MapShape(sides[2], sides[3]);
    }
}
