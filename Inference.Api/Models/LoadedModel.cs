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
    /// <param name="probabilities">Receives nine probabilities in index order; untouched when the picture is refused.</param>
    /// <param name="cancellationToken">Looked at before decoding and before running.</param>
    /// <returns>Why the picture is refused; null when it was classified.</returns>
    public ImageRefusal? Classify(ReadOnlySpan<byte> image, Span<double> probabilities, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_buffers.TryTake(out var buffers))
        {
            buffers = new RunBuffers(1, Properties.InputSize);
        }

        try
        {
            if (!ImageDecoder.TryDecodeToSquare(image, Properties.InputSize, buffers.Pixels, ImageLimits.Default, out var refusal))
            {
                return refusal;
            }

            cancellationToken.ThrowIfCancellationRequested();
            Run(buffers);
            for (var index = 0; index < Diagnoses.Count; index++)
            {
                probabilities[index] = buffers.Probabilities[index];
            }

            return null;
        }
        finally
        {
            _buffers.Add(buffers);
        }
    }

    /// <summary>Runs the network on ready pictures.</summary>
    public void Run(RunBuffers buffers) => session.Run(buffers.Options, RunBuffers.InputNames, buffers.Inputs, RunBuffers.OutputNames, buffers.Outputs);

    internal void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
        {
            return;
        }

        foreach (var buffers in _buffers)
        {
            buffers.Dispose();
        }

        session.Dispose();
    }
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

    public RunBuffers(int pictures, int side)
    {
        _pixels = GC.AllocateUninitializedArray<byte>(pictures * side * side * 3, pinned: true);
        _probabilities = GC.AllocateUninitializedArray<float>(pictures * Diagnoses.Count, pinned: true);
        Inputs = [OrtValue.CreateTensorValueFromMemory(_pixels, [pictures, side, side, 3])];
        Outputs = [OrtValue.CreateTensorValueFromMemory(_probabilities, [pictures, Diagnoses.Count])];
    }

    public static IReadOnlyCollection<string> InputNames { get; } = [ModelGraph.Images];

    public static IReadOnlyCollection<string> OutputNames { get; } = [ModelGraph.Probabilities];

    public RunOptions Options { get; } = new();

    public IReadOnlyCollection<OrtValue> Inputs { get; }

    public IReadOnlyCollection<OrtValue> Outputs { get; }

    /// <summary>uint8 [N,H,W,3].</summary>
    public Span<byte> Pixels => _pixels;

    /// <summary>[N,9].</summary>
    public Span<float> Probabilities => _probabilities;

    public void Dispose()
    {
        foreach (var value in Inputs.Concat(Outputs))
        {
            value.Dispose();
        }

        Options.Dispose();
    }
}
