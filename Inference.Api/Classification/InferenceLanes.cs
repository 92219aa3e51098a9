using System.Collections.Concurrent;
using System.Diagnostics;
using Melanoma.Imaging;
using Melanoma.Inference.Models;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>
/// Where images wait and are computed: as many threads as cores, each with one image at a time, behind a waiting room that
/// counts images and is full at a stated number. The threads are its own, so that a full house still refuses at once.
/// </summary>
internal sealed class InferenceLanes : IHostedService, IDisposable
{
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);

    private readonly BlockingCollection<Item> _queue = [];
    private readonly Thread[] _lanes;
    private readonly int _room;
    private readonly InferenceMetrics _metrics;
    private int _waiting;
    private int _idle;
    private int _disposed;

    // Seconds an image takes, smoothed; a race between lanes costs one sample.
    private double _secondsPerImage = 0.02;

    public InferenceLanes(IOptions<ClassificationOptions> options, InferenceMetrics metrics)
    {
        _metrics = metrics;
        _room = options.Value.WaitingImages;
        _idle = options.Value.Lanes > 0 ? options.Value.Lanes : Environment.ProcessorCount;
        _lanes = [.. Enumerable.Range(0, _idle).Select(number => new Thread(Work) { IsBackground = true, Name = $"inference lane {number}" })];
        metrics.ObserveWaiting(() => Math.Max(0, Volatile.Read(ref _waiting)));
    }

    /// <summary>Waits for a lane, then decodes and computes. Who cancels while waiting leaves the waiting room at once.</summary>
    /// <param name="lease">Must stay alive until this returns.</param>
    /// <param name="image">The encoded picture.</param>
    /// <param name="withMap">Whether the activation map is wanted.</param>
    /// <param name="cancellationToken">The caller's patience.</param>
    /// <exception cref="Grpc.Core.RpcException">RESOURCE_EXHAUSTED: the waiting room is full.</exception>
    public async Task<LaneResult> RunAsync(ModelLease lease, ReadOnlyMemory<byte> image, bool withMap, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Enter();
        var item = new Item(lease.Model, image, withMap, cancellationToken);
        _queue.Add(item, CancellationToken.None);
        await using var leaving = cancellationToken.UnsafeRegister(static (state, token) => ((Item)state!).Abandon(token), item);
        try
        {
            return await item.Done.Task;
        }
        finally
        {
            if (item.WasAbandoned)
            {
                Interlocked.Decrement(ref _waiting);
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var lane in _lanes)
        {
            lane.Start();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.CompleteAdding();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        // The container holds the lanes twice, as themselves and as a hosted service.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _queue.CompleteAdding();
        foreach (var lane in _lanes.Where(lane => lane.IsAlive))
        {
            lane.Join();
        }

        _queue.Dispose();
    }

    // An idle lane takes one image beyond the room, so that a room of 0 still serves.
    private void Enter()
    {
        var waiting = Interlocked.Increment(ref _waiting);
        if (waiting > _room + Math.Max(0, Volatile.Read(ref _idle)))
        {
            Interlocked.Decrement(ref _waiting);
            throw Busy();
        }
    }

    /// <summary>What a caller is told who cannot be taken now.</summary>
    public Grpc.Core.RpcException Busy() => Refusal.Busy(RetryAfter());

    // The time that half the waiting room takes: by then there is room, and not everybody comes back at once when it is emptied.
    private TimeSpan RetryAfter()
    {
        var expected = TimeSpan.FromSeconds(Volatile.Read(ref _secondsPerImage) * Math.Max(1, _room / 2) / _lanes.Length);
        return expected < ShortestRetry ? ShortestRetry : expected > LongestRetry ? LongestRetry : expected;
    }

    private void Work()
    {
        foreach (var item in _queue.GetConsumingEnumerable())
        {
            if (!item.TryTake())
            {
                continue;
            }

            Interlocked.Decrement(ref _idle);
            Interlocked.Decrement(ref _waiting);
            Compute(item);
            Interlocked.Increment(ref _idle);
        }
    }

    private void Compute(Item item)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var answer = item.Model.Classify(item.Image.Span, item.WithMap, item.Cancellation, out var refusal);
            var computed = Stopwatch.GetElapsedTime(started);
            if (refusal is null)
            {
                Volatile.Write(ref _secondsPerImage, (0.95 * Volatile.Read(ref _secondsPerImage)) + (0.05 * computed.TotalSeconds));
                _metrics.Computed(Stopwatch.GetElapsedTime(item.Entered, started), computed);
            }

            item.Done.SetResult(new LaneResult(answer, refusal));
        }
        catch (OperationCanceledException)
        {
            item.Done.SetCanceled(item.Cancellation);
        }
        catch (Exception exception)
        {
            // Not swallowed: it is the caller's, and the lane goes on with the next image.
            item.Done.SetException(exception);
        }
    }

    private sealed class Item(LoadedModel model, ReadOnlyMemory<byte> image, bool withMap, CancellationToken cancellation)
    {
        private const int Waiting = 0;
        private const int Taken = 1;
        private const int Abandoned = 2;
        private int _state;

        public LoadedModel Model { get; } = model;

        public ReadOnlyMemory<byte> Image { get; private set; } = image;

        public bool WithMap { get; } = withMap;

        public CancellationToken Cancellation { get; } = cancellation;

        public long Entered { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource<LaneResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool WasAbandoned => Volatile.Read(ref _state) == Abandoned;

        public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

        public void Abandon(CancellationToken token)
        {
            if (Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting)
            {
                Image = default;
                Done.SetCanceled(token);
            }
        }
    }
}

/// <summary>What a lane made of an image.</summary>
/// <param name="Answer">What the model says; null when the image is refused.</param>
/// <param name="Refusal">Why the image cannot be read; null when it was classified.</param>
internal readonly record struct LaneResult(ModelAnswer? Answer, ImageRefusal? Refusal);
