using Grpc.Core;
using Melanoma.Inference.Models;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Registry;

/// <summary>Decides about candidates. Asked twice, or by two replicas, it decides once.</summary>
internal sealed partial class PromotionPolicy(
    IDbContextFactory<MelanomaDbContext> databases,
    Promotions promotions,
    TestComparer comparer,
    ModelHost models,
    IOptions<PromotionOptions> options,
    ILogger<PromotionPolicy> logger) : IDisposable
{
    public const string Actor = "promotion policy";

    // Message and sweep of one replica do not compare the same candidate twice.
    private readonly SemaphoreSlim _deciding = new(1, 1);

    /// <summary>Decides about one version; nothing happens when it is no candidate, or was decided about.</summary>
    public async Task DecideAsync(int version, CancellationToken cancellationToken)
    {
        await _deciding.WaitAsync(cancellationToken);
        try
        {
            while (await FindAsync(version, cancellationToken) is { Candidate: var candidate, Production: var production })
            {
                using var activity = InferenceMetrics.Activities.StartActivity("decide promotion");
                var decision = await JudgeAsync(candidate, production, cancellationToken);
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

    private async Task<PromotionDecision> JudgeAsync(ModelVersion candidate, ModelVersion? production, CancellationToken cancellationToken)
    {
        if (candidate.DatasetKind != DatasetKind.Honest)
        {
            return PromotionRule.Leaky;
        }

        try
        {
            // What cannot be served is not promoted, however good its figures.
            using var lease = await models.LeaseAsync(candidate.Version, cancellationToken);
            return production is null
                ? PromotionRule.First
                : PromotionRule.Compare(
                    candidate.Version, production.Version, await comparer.CompareAsync(candidate, production, cancellationToken), options.Value.MinimumTestImages);
        }
        catch (RpcException refusal) when (refusal.StatusCode == StatusCode.FailedPrecondition)
        {
            return PromotionRule.Refused(refusal.Status.Detail);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Model version {Version}: {Decision}")]
    private partial void LogDecided(int version, string decision);
}
