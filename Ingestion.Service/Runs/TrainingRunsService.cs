using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Recipes;
using Melanoma.Contracts.V1;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.Storage;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using DatasetKind = Melanoma.Storage.Datasets.DatasetKind;
using WireRun = Melanoma.Contracts.V1.Run;

namespace Melanoma.Ingestion.Runs;

/// <summary>gRPC <c>melanoma.v1.TrainingRuns</c>.</summary>
internal sealed class TrainingRunsService(
    IDbContextFactory<MelanomaDbContext> databases,
    TrainableDataset datasets,
    RunReader runs,
    DatabaseNotifications notifications,
    IHostApplicationLifetime lifetime,
    TimeProvider time)
    : TrainingRuns.TrainingRunsBase
{
    private const int MaxSamplesPerClass = 100_000;
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;

    /// <summary>A watcher looks at least this often.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Changes that come closer together than this are shown as one.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(250);

    /// <summary>An unchanged run is shown again after this time, so that proxies do not take the stream for dead.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(45);

    public override async Task<WireRun> StartRun(StartRunRequest request, ServerCallContext context)
    {
        var parameters = RunParameters.Of(request.Recipe, request.HasEpochs ? request.Epochs : null, request.HasSeed ? request.Seed : null);
        var recipe = parameters.Recipe;
        if (request is { HasSamplesPerClass: true, SamplesPerClass: < 0 or > MaxSamplesPerClass })
        {
            ThrowInvalid($"samples_per_class is {request.SamplesPerClass}; it must be from 0 to {MaxSamplesPerClass}.");
        }

        if (request.HasSamplesPerClass && recipe.Augmentation.Policy == AugmentationPlan.NoPolicy)
        {
            ThrowInvalid($"Recipe '{recipe.Name}' has no augmentation; leave samples_per_class out.");
        }

        if (request is { HasViews: true, Views: not (1 or 8) })
        {
            ThrowInvalid($"views is {request.Views}; it must be 1 or 8.");
        }

        int? startVersion = request.HasStartVersion ? ParseVersion(request.StartVersion) : null;
        var kind = KindOf(request.Protocol);
        var datasetId = await datasets.FindAsync(request.HasDatasetId ? request.DatasetId : null, kind, context.CancellationToken);
        await using var database = await databases.CreateDbContextAsync(context.CancellationToken);
        if (startVersion is { } version)
        {
            await CheckStartAsync(database, version, recipe, kind, context.CancellationToken);
        }

        // The database's clock: workers compare it with the one that says when an augmentation failed.
        var requestedAt = await database.Database.SqlQuery<DateTimeOffset>($"SELECT clock_timestamp() AS \"Value\"").SingleAsync(context.CancellationToken);
        var run = new Storage.Runs.Run
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Recipe = recipe.Name,
            RecipeVersion = recipe.Version,
            DatasetId = datasetId,
            DatasetKind = kind,
            Epochs = parameters.Epochs,
            Seed = parameters.Seed,
            AugmentationPolicy = recipe.Augmentation.Policy,
            SamplesPerClass = request.HasSamplesPerClass ? request.SamplesPerClass : recipe.Augmentation.SamplesPerClass,
            RequestedAt = requestedAt,
            RequestedBy = context.GetCaller().Name,
            StartVersion = startVersion,
            Views = request.HasViews ? request.Views : 1,
        };
        database.Runs.Add(run);
        database.Outbox.Add(OutboxMessage.For(ServiceRole.Ingestion, new RunRequested(run.Id)));
        await database.SaveChangesAsync(context.CancellationToken);
        return await DescribeAsync(run.Id, context.CancellationToken);
    }

    public override Task<WireRun> GetRun(GetRunRequest request, ServerCallContext context) =>
        DescribeAsync(ParseId(request.RunId), context.CancellationToken);

    public override async Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context)
    {
        if (request.PageSize is < 0 or > MaxPage)
        {
            ThrowInvalid($"page_size is {request.PageSize}; it must be from 1 to {MaxPage}.");
        }

        return new ListRunsResponse { Runs = { await runs.ListAsync(all => all.Take(request.PageSize == 0 ? DefaultPage : request.PageSize), context.CancellationToken) } };
    }

    public override async Task WatchRun(GetRunRequest request, IServerStreamWriter<WireRun> responseStream, ServerCallContext context)
    {
        var runId = ParseId(request.RunId);
        var payload = runId.ToString();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        using var hints = notifications.Subscribe(MelanomaDatabase.RunsChannel);
        WireRun? shown = null;
        var shownAt = time.GetTimestamp();
        while (true)
        {
            var snapshot = await FindAsync(runId, context.CancellationToken);
            var run = await runs.DescribeAsync(snapshot, context.CancellationToken);
            if (!run.Equals(shown) || time.GetElapsedTime(shownAt) >= KeepAlive)
            {
                await responseStream.WriteAsync(run, context.CancellationToken);
                shown = run;
                shownAt = time.GetTimestamp();
            }

            if (snapshot.HasEnded)
            {
                return;
            }

            try
            {
                await Task.Delay(ShortestWait, time, stop.Token);
                await hints.WaitAsync(hint => hint == payload, LongestWait, stop.Token);
            }
            catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The service stops; watch again."));
            }
        }
    }

    public override Task<WireRun> CancelRun(CancelRunRequest request, ServerCallContext context) => WishAsync(
        request.RunId, runId => $"UPDATE runs SET cancel_requested_at = now() WHERE id = {runId} AND cancel_requested_at IS NULL",
        [RunState.Completed, RunState.Failed], context.CancellationToken);

    public override Task<WireRun> PauseRun(PauseRunRequest request, ServerCallContext context) => WishAsync(
        request.RunId, runId => $"UPDATE runs SET pause_requested_at = now() WHERE id = {runId} AND pause_requested_at IS NULL",
        [RunState.Completed, RunState.Failed, RunState.Cancelled], context.CancellationToken);

    public override Task<WireRun> ResumeRun(ResumeRunRequest request, ServerCallContext context) => WishAsync(
        request.RunId, runId => $"UPDATE runs SET pause_requested_at = NULL WHERE id = {runId}",
        [RunState.Completed, RunState.Failed, RunState.Cancelled], context.CancellationToken);

    public override Task<ListRecipesResponse> ListRecipes(ListRecipesRequest request, ServerCallContext context) => Task.FromResult(new ListRecipesResponse
    {
        Recipes =
        {
            RecipeCatalogue.All.Select(recipe => new Recipe
            {
                Name = recipe.Name,
                Version = recipe.Version,
                Description = recipe.Description,
                Epochs = recipe.Epochs,
                AugmentationPolicy = recipe.Augmentation.Policy,
                SamplesPerClass = recipe.Augmentation.SamplesPerClass,
            }),
        },
    });

    /// <summary>Writes down what somebody wants of a run and tells the workers; they do it.</summary>
    private async Task<WireRun> WishAsync(string id, Func<Guid, FormattableString> wish, RunState[] tooLate, CancellationToken cancellationToken)
    {
        var runId = ParseId(id);
        var snapshot = await FindAsync(runId, cancellationToken);
        if (tooLate.Contains(snapshot.State))
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Run {runId} has ended already."));
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.Database.ExecuteSqlAsync(wish(runId), cancellationToken);
        await database.Database.ExecuteSqlAsync($"SELECT pg_notify({MelanomaDatabase.RunsChannel}, {runId.ToString()})", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return await DescribeAsync(runId, cancellationToken);
    }

    private async Task<WireRun> DescribeAsync(Guid runId, CancellationToken cancellationToken) =>
        await runs.DescribeAsync(await FindAsync(runId, cancellationToken), cancellationToken);

    private async Task<RunSnapshot> FindAsync(Guid runId, CancellationToken cancellationToken) =>
        await runs.FindAsync(runId, cancellationToken) ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no run {runId}."));

    // The worker looks at the weights themselves; what is known without them is said at once.
    private static async Task CheckStartAsync(MelanomaDbContext database, int version, RecipeSummary recipe, DatasetKind kind, CancellationToken cancellationToken)
    {
        var start = await database.ModelVersions.AsNoTracking().Where(candidate => candidate.Version == version)
            .Select(candidate => new { candidate.Recipe, candidate.DatasetKind }).SingleOrDefaultAsync(cancellationToken)
            ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no model version {version}."));
        if (kind != DatasetKind.Reproduction && start.DatasetKind == DatasetKind.Reproduction)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"Model version {version} is of the leaky protocol; no honest run may start from it."));
        }

        if (RecipeCatalogue.Find(start.Recipe) is { } known && known.Network != recipe.Network)
        {
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition,
                $"Model version {version} has the network {known.Network}, from which recipe '{recipe.Name}' cannot start: its own is {recipe.Network}."));
        }
    }

    private static DatasetKind KindOf(Protocol protocol)
    {
        switch (protocol)
        {
            case Protocol.Unspecified or Protocol.Honest:
                return DatasetKind.Honest;
            case Protocol.Leaky:
                return DatasetKind.Reproduction;
            case Protocol.CrossValidation:
                ThrowInvalid("A cross-validation has a run for each fold; StartCrossValidation asks for them all.");
                return default;
            default:
                ThrowInvalid($"There is no protocol {(int)protocol}.");
                return default;
        }
    }

    private static int ParseVersion(string version)
    {
        if (!int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            ThrowInvalid($"'{version}' is not a model version: it must be a whole number.");
        }

        return number;
    }

    private static Guid ParseId(string runId)
    {
        if (!Guid.TryParse(runId, out var id))
        {
            ThrowInvalid($"'{runId}' is not the id of a run: it must be a UUID.");
        }

        return id;
    }

    [DoesNotReturn]
    private static void ThrowInvalid(string detail) => throw new RpcException(new Status(StatusCode.InvalidArgument, detail));
}
