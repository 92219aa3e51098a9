using System.Diagnostics;
using Grpc.Core;
using Melanoma.Imaging;
using Melanoma.Inference.Models;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Classification;

/// <summary>
/// Where images wait and are computed: as many threads as cores, each with one image at a time. Single calls wait in a room that counts images and is full
/// at a stated number; bulk waits in a queue of its own, behind them, and leaves them a lane. The threads are its own, so that a full house still refuses at once.
/// </summary>
internal sealed class InferenceLanes : IHostedService, IDisposable
{
    // Guards all that follows; lanes without work wait on it.
    private readonly object _house = new();
    private readonly LinkedList<Item> _calls = [];
    private readonly LinkedList<Item> _bulk = [];
    private readonly Thread[] _lanes;
    private readonly int _room;
    private readonly RetrySlots _slots;
    private readonly InferenceMetrics _metrics;
    private int _waitingImages;
    private int _lanesWithCalls;
    private int _lanesWithBulk;
    private bool _stopped;

    // Smoothed.
    private double _secondsPerImage = 0.02;

    public InferenceLanes(IOptions<ClassificationOptions> options, InferenceMetrics metrics, TimeProvider time)
    {
        _metrics = metrics;
        _slots = new RetrySlots(time);
        Count = options.Value.Lanes > 0 ? options.Value.Lanes : Environment.ProcessorCount;

        // With one image behind each that is computed, a lane never runs dry under overload, and nobody waits longer than an image takes: twice the unloaded latency.
        _room = options.Value.WaitingImages ?? Count;
        BulkLimit = Math.Max(1, Count - 1);
        _lanes = [.. Enumerable.Range(0, Count).Select(number => new Thread(Work) { IsBackground = true, Name = $"inference lane {number}" })];
        metrics.ObserveLanes(Load);
    }

    /// <summary>How many images are computed at the same time.</summary>
    public int Count { get; }

    /// <summary>The lanes that bulk may hold at the same time: all but one, where there are several.</summary>
    public int BulkLimit { get; }

    /// <summary>Waits for a lane and computes there. Who cancels while waiting leaves at once.</summary>
    /// <param name="work">What is to be computed.</param>
    /// <param name="cancellationToken">The caller's patience.</param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the waiting room is full; bulk is never told so. UNAVAILABLE: the service is stopping.</exception>
    public async Task<LaneResult> RunAsync(LaneWork work, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var item = new Item(this, work, cancellationToken);
        Enter(item);
        await using var leaving = cancellationToken.UnsafeRegister(static (state, token) => ((Item)state!).Abandon(token), item);
        return await item.Done.Task;
    }

    /// <summary>What is going on at this moment.</summary>
    public LaneLoad Load()
    {
        lock (_house)
        {
            return new LaneLoad(_waitingImages, _bulk.Sum(item => item.Work.Images), _lanesWithCalls, _lanesWithBulk);
        }
    }

    /// <summary>What a caller is told who cannot be taken now.</summary>
    /// <param name="images">How many images it asked about.</param>
    public RpcException Busy(int images = 1)
    {
        lock (_house)
        {
            var perImage = TimeSpan.FromSeconds(_secondsPerImage / Count);
            return Refusal.Busy(_slots.Next(perImage * _waitingImages, perImage * images));
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
        Stop();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        Stop();
        foreach (var lane in _lanes.Where(lane => lane.IsAlive))
        {
            lane.Join();
        }
    }

    // Who waits already is still served.
    private void Stop()
    {
        lock (_house)
        {
            _stopped = true;
            Monitor.PulseAll(_house);
        }
    }

    private void Enter(Item item)
    {
        lock (_house)
        {
            if (_stopped)
            {
                throw Refusal.Of(StatusCode.Unavailable, "The service is stopping; ask again.");
            }

            // A lane without a single call takes one image beyond the room, so that a room of 0 still serves. Work of several images is taken where one has room, else it never would be.
            if (!item.Work.IsBulk && _waitingImages >= _room + Count - _lanesWithCalls)
            {
                throw Busy(item.Work.Images);
            }

            (item.Work.IsBulk ? _bulk : _calls).AddLast(item.Place);
            _waitingImages += item.Work.IsBulk ? 0 : item.Work.Images;
            Monitor.Pulse(_house);
        }
    }

    private void Work()
    {
        while (Take() is { } item)
        {
            Compute(item);
            Leave(item);
        }
    }

    private Item? Take()
    {
        lock (_house)
        {
            while (true)
            {
                if (_calls.First is { } call)
                {
                    _lanesWithCalls++;
                    return Take(call);
                }

                if (_bulk.First is { } bulk && _lanesWithBulk < BulkLimit)
                {
                    _lanesWithBulk++;
                    return Take(bulk);
                }

                if (_stopped && _bulk.Count == 0)
                {
                    return null;
                }

                Monitor.Wait(_house);
            }
        }
    }

    private Item Take(LinkedListNode<Item> place)
    {
        Remove(place);
        return place.Value;
    }

    private void Remove(LinkedListNode<Item> place)
    {
        place.List!.Remove(place);
        _waitingImages -= place.Value.Work.IsBulk ? 0 : place.Value.Work.Images;
    }

    private void Leave(Item item)
    {
        lock (_house)
        {
            if (!item.Work.IsBulk)
            {
                _lanesWithCalls--;
                return;
            }

            // This lane may find a single call next; then another one has to see that bulk may go on.
            _lanesWithBulk--;
            Monitor.Pulse(_house);
        }
    }

    private void Compute(Item item)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var result = item.Work.Compute(item.Cancellation);
            if (result.Refusal is null)
            {
                Computed(item, Stopwatch.GetElapsedTime(item.Entered, started), Stopwatch.GetElapsedTime(started));
            }

            item.Done.SetResult(result);
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

    private void Computed(Item item, TimeSpan waited, TimeSpan computed)
    {
        lock (_house)
        {
            _secondsPerImage = (0.95 * _secondsPerImage) + (0.05 * computed.TotalSeconds / item.Work.Images);
        }

        _metrics.Computed(waited, computed, item.Work.IsBulk);
    }

    private sealed class Item
    {
        private readonly InferenceLanes _lanes;

        public Item(InferenceLanes lanes, LaneWork work, CancellationToken cancellation)
        {
            (_lanes, Work, Cancellation) = (lanes, work, cancellation);
            Place = new LinkedListNode<Item>(this);
        }

        public LaneWork Work { get; }

        public CancellationToken Cancellation { get; }

        /// <summary>Where it waits; in no list from the moment that a lane has it.</summary>
        public LinkedListNode<Item> Place { get; }

        public long Entered { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource<LaneResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Abandon(CancellationToken token)
        {
            lock (_lanes._house)
            {
                if (Place.List is null)
                {
                    return;
                }

                _lanes.Remove(Place);
            }

            Done.SetCanceled(token);
        }
    }
}

/// <summary>What a lane is to do.</summary>
/// <param name="Compute">Decodes and computes, on the lane's thread.</param>
/// <param name="Images">As how many images it counts.</param>
/// <param name="IsBulk">Whether it waits behind all single calls.</param>
internal sealed record LaneWork(Func<CancellationToken, LaneResult> Compute, int Images = 1, bool IsBulk = false);

/// <summary>What a lane made of an image.</summary>
/// <param name="Answer">What the model says; null when the image is refused.</param>
/// <param name="Refusal">Why the image cannot be read; null when it was classified.</param>
internal readonly record struct LaneResult(ModelAnswer? Answer, ImageRefusal? Refusal);

/// <summary>How busy the lanes are.</summary>
/// <param name="Waiting">Images of single calls that wait.</param>
/// <param name="WaitingInBulk">Images of bulk that wait.</param>
/// <param name="Calls">Lanes that compute for single calls.</param>
/// <param name="Bulk">Lanes that compute for bulk.</param>
internal readonly record struct LaneLoad(int Waiting, int WaitingInBulk, int Calls, int Bulk);
