using System.Globalization;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Models;

/// <summary>
/// Holds the versions that answer: production, and the pinned ones used last. A new version is loaded, verified and warmed
/// up beside the old one and then takes its place; who is computing finishes on the old one. What cannot be loaded changes nothing.
/// </summary>
internal sealed partial class ModelHost : IDisposable
{
    private readonly ModelStore _store;
    private readonly ExecutionProvider _provider;
    private readonly InferenceMetrics _metrics;
    private readonly ILogger<ModelHost> _logger;
    private readonly int _maxPinned;

    // One load at a time: each takes a core and the memory of a model.
    private readonly SemaphoreSlim _loading = new(1, 1);
    private readonly Lock _pinnedLock = new();
    private readonly LinkedList<LoadedModel> _pinned = [];
    private LoadedModel? _production;
    private volatile ModelProblem? _problem;
    private volatile bool _looked;

    public ModelHost(ModelStore store, ExecutionProvider provider, IOptions<ModelOptions> options, InferenceMetrics metrics, ILogger<ModelHost> logger)
    {
        (_store, _provider, _metrics, _logger) = (store, provider, metrics, logger);
        _maxPinned = options.Value.PinnedVersions;
        metrics.ObserveProduction(() => Volatile.Read(ref _production)?.Version ?? 0, provider.Name);
    }

    /// <summary>The version that answers calls without a pin; null for none.</summary>
    public int? ProductionVersion => Volatile.Read(ref _production)?.Version;

    /// <summary>Why the version in production is not the one that answers here; null when it is.</summary>
    public ModelProblem? Problem => _problem;

    /// <summary>Whether the registry was looked at since the start.</summary>
    public bool HasLooked => _looked;

    public string ProviderName => _provider.Name;

    /// <summary>The production version, kept alive until the lease is disposed of.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION: none is in production. UNAVAILABLE: there is one that this replica cannot serve.</exception>
    public async ValueTask<ModelLease> LeaseProductionAsync(CancellationToken cancellationToken)
    {
        if (ProductionVersion is null && _problem is null)
        {
            // "None" is only said after a look: a first promotion must not wait for its message.
            await ReconcileAsync(cancellationToken);
        }

        while (Volatile.Read(ref _production) is { } model)
        {
            if (model.TryLease() is { } lease)
            {
                return lease;
            }
        }

        throw _problem is { } problem ? Refusal.Of(StatusCode.Unavailable, problem.ToString()) : Refusal.NoProduction();
    }

    /// <summary>A version of the caller's choice, loaded if need be and kept alive until the lease is disposed of.</summary>
    /// <exception cref="RpcException">NOT_FOUND: there is no such version. FAILED_PRECONDITION: it cannot be served. UNAVAILABLE: not at this moment.</exception>
    public async ValueTask<ModelLease> LeaseAsync(int version, CancellationToken cancellationToken)
    {
        if (TryLeaseLoaded(version) is { } loaded)
        {
            return loaded;
        }

        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (TryLeaseLoaded(version) is { } meanwhile)
            {
                return meanwhile;
            }

            var model = await LoadAsync(version, cancellationToken) ?? throw Refusal.UnknownVersion(version);
            var lease = model.TryLease()!;
            Keep(model);
            return lease;
        }
        catch (ModelRefusedException refusal)
        {
            throw Refusal.Of(refusal.MayPass ? StatusCode.Unavailable : StatusCode.FailedPrecondition, new ModelProblem(version, refusal.Message).ToString());
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Looks which version is in production and takes it if it is another one.</summary>
    public async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            var wanted = await _store.FindProductionAsync(cancellationToken);
            _problem = wanted is null || wanted == ProductionVersion ? null : await TakeAsync(wanted.Value, cancellationToken);
            _looked = true;
        }
        finally
        {
            _loading.Release();
        }
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _production, null)?.Retire();
        lock (_pinnedLock)
        {
            foreach (var model in _pinned)
            {
                model.Retire();
            }

            _pinned.Clear();
        }

        _loading.Dispose();
    }

    private async Task<ModelProblem?> TakeAsync(int version, CancellationToken cancellationToken)
    {
        try
        {
            var old = Interlocked.Exchange(ref _production, await LoadAsync(version, cancellationToken));
            LogSwapped(version, old?.Version ?? 0);
            old?.Retire();
            return null;
        }
        catch (ModelRefusedException refusal)
        {
            return new ModelProblem(version, refusal.Message);
        }
    }

    private async Task<LoadedModel?> LoadAsync(int version, CancellationToken cancellationToken)
    {
        using var activity = InferenceMetrics.Activities.StartActivity("load model");
        activity?.SetTag("model.version", version);
        try
        {
            if (await _store.ReadAsync(version, cancellationToken) is not { } stored)
            {
                return null;
            }

            var model = ModelVerifier.Open(stored, _provider);
            _metrics.Loaded(version, accepted: true);
            LogLoaded(version, stored.Bytes.Length, _provider.Name);
            return model;
        }
        catch (ModelRefusedException refusal)
        {
            _metrics.Loaded(version, accepted: false);
            LogRefused(version, refusal.Message);
            throw;
        }
    }

    private ModelLease? TryLeaseLoaded(int version)
    {
        if (Volatile.Read(ref _production) is { } production && production.Version == version && production.TryLease() is { } lease)
        {
            return lease;
        }

        lock (_pinnedLock)
        {
            for (var node = _pinned.First; node is not null; node = node.Next)
            {
                if (node.Value.Version == version)
                {
                    _pinned.Remove(node);
                    _pinned.AddFirst(node);
                    return node.Value.TryLease();
                }
            }
        }

        return null;
    }

    private void Keep(LoadedModel model)
    {
        LoadedModel? dropped = null;
        lock (_pinnedLock)
        {
            _pinned.AddFirst(model);
            if (_pinned.Count > _maxPinned)
            {
                dropped = _pinned.Last!.Value;
                _pinned.RemoveLast();
            }
        }

        dropped?.Retire();
    }

    [LoggerMessage(1, LogLevel.Information, "Model version {Version} is loaded and verified ({Bytes} bytes, {Provider})")]
    private partial void LogLoaded(int version, int bytes, string provider);

    [LoggerMessage(2, LogLevel.Error, "Model version {Version} is not served: {Reason}")]
    private partial void LogRefused(int version, string reason);

    [LoggerMessage(3, LogLevel.Information, "Model version {Version} answers from now on, after {Old}")]
    private partial void LogSwapped(int version, int old);
}

/// <summary>A version that cannot be served, and why.</summary>
internal sealed record ModelProblem(int Version, string Reason)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Model version {Version} cannot be served: {Reason}.");
}
