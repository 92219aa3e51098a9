using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Melanoma.Storage.Outbox;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Registry;

/// <summary>
/// Changes which version is in production: state, history and announcement in one transaction, one at a time among all
/// replicas.
/// </summary>
internal sealed class Promotions(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    /// <summary>Key of the advisory lock that serialises promotions: "melanoma" in ASCII.</summary>
    private const long PromotionLock = 0x6D656C616E6F6D61;

    /// <summary>Puts a version into production by a person's wish. Nothing changes when it is there already.</summary>
    /// <exception cref="RpcException">NOT_FOUND; FAILED_PRECONDITION: a leaky model is never promoted.</exception>
    public async Task<ModelTransition> PromoteAsync(int version, string actor, string reason, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await LockAsync(database, cancellationToken);
        var kind = await database.ModelVersions.Where(model => model.Version == version).Select(model => (DatasetKind?)model.DatasetKind).SingleOrDefaultAsync(cancellationToken)
            ?? throw Refusal.UnknownVersion(version);
        if (kind != DatasetKind.Honest)
        {
            throw Refusal.Of(StatusCode.FailedPrecondition, $"Model version {version} was trained by the leaky protocol and is never promoted; train one on an honest dataset.");
        }

        var current = await ProductionAsync(database, cancellationToken);
        if (current == version)
        {
            return await LatestTo(database, version).FirstAsync(cancellationToken);
        }

        var transition = await SwitchAsync(database, current, version, actor, reason, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return transition;
    }

    /// <summary>Puts the version that was in production before the present one back.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION: there was none.</exception>
    public async Task<ModelTransition> RollbackAsync(string actor, string reason, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await LockAsync(database, cancellationToken);
        if (await ProductionAsync(database, cancellationToken) is not { } current
            || (await LatestTo(database, current).FirstOrDefaultAsync(cancellationToken))?.FromVersion is not { } before)
        {
            throw Refusal.Of(StatusCode.FailedPrecondition, "No other version was in production before; promote one by its number.");
        }

        var transition = await SwitchAsync(database, current, before, actor, reason, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return transition;
    }

    /// <summary>
    /// Writes down what the policy decided, and promotes if it says so. Only while the candidate is undecided and
    /// production is still the version that it was compared with; else nothing is written and the caller looks again.
    /// </summary>
    /// <returns>Whether the decision was written.</returns>
    public async Task<bool> TryDecideAsync(int version, int? comparedWith, PromotionDecision decision, string actor, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await LockAsync(database, cancellationToken);
        var current = await ProductionAsync(database, cancellationToken);
        if (current != comparedWith)
        {
            return false;
        }

        var written = await database.ModelVersions.Where(model => model.Version == version && model.PolicyDecision == null && model.State == ModelState.Candidate)
            .ExecuteUpdateAsync(update => update.SetProperty(model => model.PolicyDecision, decision.Reason), cancellationToken);
        if (written == 1 && decision.Promote)
        {
            await SwitchAsync(database, current, version, actor, decision.Reason, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static async Task<Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction> LockAsync(MelanomaDbContext database, CancellationToken cancellationToken)
    {
        var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({PromotionLock})", cancellationToken);
        return transaction;
    }

    private static Task<int?> ProductionAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        database.ModelVersions.Where(model => model.State == ModelState.Production).Select(model => (int?)model.Version).SingleOrDefaultAsync(cancellationToken);

    private static IQueryable<ModelTransition> LatestTo(MelanomaDbContext database, int version) =>
        database.ModelTransitions.AsNoTracking().Where(transition => transition.ToVersion == version).OrderByDescending(transition => transition.Id);

    private async Task<ModelTransition> SwitchAsync(MelanomaDbContext database, int? from, int to, string actor, string reason, CancellationToken cancellationToken)
    {
        await SetStateAsync(database, from, ModelState.Retired, cancellationToken);
        await SetStateAsync(database, to, ModelState.Production, cancellationToken);
        var transition = new ModelTransition { FromVersion = from, ToVersion = to, Actor = actor, Reason = reason, Time = time.GetUtcNow() };
        database.ModelTransitions.Add(transition);
        database.Outbox.Add(OutboxMessage.For(ServiceRole.Inference, new ModelPromoted(to)));
        await database.SaveChangesAsync(cancellationToken);
        return transition;
    }

    private static Task<int> SetStateAsync(MelanomaDbContext database, int? version, ModelState state, CancellationToken cancellationToken) =>
        database.ModelVersions.Where(model => model.Version == version).ExecuteUpdateAsync(update => update.SetProperty(model => model.State, state), cancellationToken);
}
