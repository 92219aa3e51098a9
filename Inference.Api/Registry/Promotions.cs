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

    /// <summary>The version that a rollback would put into production now.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION: there is none.</exception>
    public async Task<int> FindRollbackAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await BeforeAsync(database, cancellationToken);
    }

    /// <summary>Puts the version that was in production before the present one back.</summary>
    /// <param name="target">Which one that is, as <see cref="FindRollbackAsync"/> said.</param>
    /// <param name="actor">Who wishes it.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellationToken">Stops; nothing has changed then.</param>
    /// <returns>The transition; null when it is another version by now, and nothing has changed.</returns>
    /// <exception cref="RpcException">FAILED_PRECONDITION: there is none.</exception>
    public async Task<ModelTransition?> TryRollbackAsync(int target, string actor, string reason, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await LockAsync(database, cancellationToken);
        if (await BeforeAsync(database, cancellationToken) != target)
        {
            return null;
        }

        var transition = await SwitchAsync(database, await ProductionAsync(database, cancellationToken), target, actor, reason, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return transition;
    }

    /// <summary>
    /// The version before the present one. A step back to where the present version came from undoes that step, whoever took
    /// it, so that the version which it left is not gone back to.
    /// </summary>
    /// <param name="history">Versions in the order in which they came into production.</param>
    /// <returns>The version; null when there is none.</returns>
    internal static int? Before(IEnumerable<int> history)
    {
        var path = new List<int>();
        foreach (var version in history)
        {
            if (path.Count > 1 && path[^2] == version)
            {
                path.RemoveAt(path.Count - 1);
            }
            else
            {
                path.Add(version);
            }
        }

        return path.Count > 1 ? path[^2] : null;
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
        await database.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({AdvisoryLocks.Promotions})", cancellationToken);
        return transaction;
    }

    private static Task<int?> ProductionAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        database.ModelVersions.Where(model => model.State == ModelState.Production).Select(model => (int?)model.Version).SingleOrDefaultAsync(cancellationToken);

    private static async Task<int> BeforeAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        Before(await database.ModelTransitions.OrderBy(transition => transition.Id).Select(transition => transition.ToVersion).ToListAsync(cancellationToken))
        ?? throw Refusal.Of(StatusCode.FailedPrecondition, "No other version was in production before; promote one by its number.");

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
