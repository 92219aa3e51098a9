using Grpc.Core;
using Melanoma.Inference.Models;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using Npgsql;

namespace Melanoma.Inference.Registry;

/// <summary>Decides about candidates. Asked twice, or by two replicas, it decides once; one replica at a time compares, as long as its session lives, because each comparison is a look at the test split.</summary>
internal sealed partial class PromotionPolicy(
    IDbContextFactory<MelanomaDbContext> databases,
    NpgsqlDataSource dataSource,
    Promotions promotions,
    TestComparer comparer,
    ModelHost models,
    IOptions<PromotionOptions> options,
    ILogger<PromotionPolicy> logger) : IDisposable
{
    public const string Actor = "promotion policy";

    // What fails each time would be a look at the test split each time.
    private const int MostLooks = 3;

    // Message and sweep of one replica do not compare the same candidate twice.
    private readonly SemaphoreSlim _deciding = new(1, 1);

    /// <summary>
    /// Decides about one version; nothing happens when it is no candidate, or was decided about. It stays undecided, and the
    /// sweep looks again, while another replica judges, or while the models cannot be asked for a reason that is not the candidate's.
    /// </summary>
    public async Task DecideAsync(int version, CancellationToken cancellationToken)
    {
        await _deciding.WaitAsync(cancellationToken);
        try
        {
            await using var only = new SessionLock(dataSource, AdvisoryLocks.Deciding);
            while (await FindAsync(version, cancellationToken) is { Candidate: var candidate, Production: var production })
            {
                if (!await only.HoldAsync(cancellationToken))
                {
                    LogWaits(version);
                    return;
                }

                using var activity = InferenceMetrics.Activities.StartActivity("decide promotion");
                if (await JudgeAsync(candidate, production, cancellationToken) is not { } decision)
                {
                    return;
                }

                if (await promotions.TryDecideAsync(version, production?.Version, decision, Actor, cancellationToken))
                {
                    LogDecided(version, decision.Reason);
                    await models.ReconcileAsync(cancellationToken);
                    return;
                }
            }
        }
        finally
        {
            _deciding.Release();
        }
    }

    /// <summary>Decides about every candidate that nobody has decided about, oldest first.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var versions = await database.ModelVersions.Where(model => model.State == ModelState.Candidate && model.PolicyDecision == null)
            .OrderBy(model => model.Version).Select(model => model.Version).ToListAsync(cancellationToken);
        foreach (var version in versions)
        {
            await DecideAsync(version, cancellationToken);
        }
    }

    public void Dispose() => _deciding.Dispose();

    private async Task<(ModelVersion Candidate, ModelVersion? Production)?> FindAsync(int version, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.ModelVersions.AsNoTracking().Where(model => model.Version == version || model.State == ModelState.Production).ToListAsync(cancellationToken);
        var candidate = rows.SingleOrDefault(model => model.Version == version && model.State == ModelState.Candidate && model.PolicyDecision is null);
        return candidate is null ? null : (candidate, rows.SingleOrDefault(model => model.State == ModelState.Production));
    }

    private async Task<PromotionDecision?> JudgeAsync(ModelVersion candidate, ModelVersion? production, CancellationToken cancellationToken)
    {
        if (candidate.DatasetKind != DatasetKind.Honest)
        {
            return PromotionRule.Leaky;
        }

        if (PromotionRule.Parity(candidate.Report) is { } parity)
        {
            return parity;
        }

        ModelLease lease;
        try
        {
            // What cannot be served is not promoted, however good its figures.
            lease = await models.LeaseAsync(candidate.Version, cancellationToken);
        }
        catch (RpcException refusal) when (refusal.StatusCode == StatusCode.FailedPrecondition)
        {
            return PromotionRule.Refused(refusal.Status.Detail);
        }
        catch (RpcException refusal) when (refusal.StatusCode == StatusCode.Unavailable)
        {
            LogUndecided(candidate.Version, refusal.Status.Detail);
            return null;
        }

        using (lease)
        {
            return production is null
                ? candidate.DatasetId is null ? PromotionRule.Bundled : PromotionRule.First
                : await CompareAsync(candidate, production, cancellationToken);
        }
    }

    // A production version that cannot be asked says nothing about the candidate: a person mends production, and then it is decided.
    private async Task<PromotionDecision?> CompareAsync(ModelVersion candidate, ModelVersion production, CancellationToken cancellationToken)
    {
        if (await CountLooksAsync(candidate, production, cancellationToken) >= MostLooks)
        {
            return PromotionRule.Undecidable(FormattableString.Invariant(
                $"{MostLooks} comparisons with version {production.Version} were begun and led to no decision; the log says why, and `models compare` begins another."));
        }

        try
        {
            var comparison = await comparer.CompareAsync(candidate.Version, production.Version, datasetId: null, Actor, (_, _) => Task.CompletedTask, cancellationToken);
            return PromotionRule.Compare(comparison, options.Value);
        }
        catch (RpcException refusal) when (refusal.StatusCode == StatusCode.DeadlineExceeded)
        {
            // Another attempt would be as slow, and each is a look at the test split.
            return PromotionRule.Undecidable(refusal.Status.Detail);
        }
        catch (RpcException refusal)
        {
            LogUndecided(candidate.Version, refusal.Status.Detail);
            return null;
        }
        catch (OnnxRuntimeException exception)
        {
            LogUndecided(candidate.Version, exception.Message);
            return null;
        }
    }

    private async Task<int> CountLooksAsync(ModelVersion candidate, ModelVersion production, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.ComparisonLooks.CountAsync(
            look => look.Version == candidate.Version && look.OtherVersion == production.Version && look.Actor == Actor, cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "Model version {Version}: {Decision}")]
    private partial void LogDecided(int version, string decision);

    [LoggerMessage(3, LogLevel.Debug, "Model version {Version} waits: another replica judges a candidate")]
    private partial void LogWaits(int version);

    [LoggerMessage(2, LogLevel.Warning, "Model version {Version} is not decided about yet, and is looked at again: {Reason}")]
    private partial void LogUndecided(int version, string reason);
}
