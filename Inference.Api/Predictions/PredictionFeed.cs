using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Audit;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Melanoma.Inference.Predictions;

/// <summary>A tenant's answers in the order of their sequences, without gaps: page by page, or followed.</summary>
internal sealed class PredictionFeed(
    IDbContextFactory<MelanomaDbContext> databases, DatabaseNotifications notifications, IOptions<AuditOptions> options, InferenceMetrics metrics, IHostApplicationLifetime lifetime,
    TimeProvider time)
{
    private const int PageOfSubscription = 500;

    private readonly StreamSlots _slots = new(options.Value.Subscriptions, "subscriptions", metrics);

    private readonly TimeSpan _longestSilence = TimeSpan.FromSeconds(options.Value.HeartbeatSeconds);

    /// <summary>Where a reading of the feed begins.</summary>
    /// <param name="tenant">Whose feed.</param>
    /// <param name="wanted">The sequence that the caller wants; 0 for the oldest that is kept.</param>
    /// <param name="cancellationToken">The caller's patience.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT or OUT_OF_RANGE: there is no such sequence.</exception>
    public async Task<long> BeginAsync(string tenant, long wanted, CancellationToken cancellationToken)
    {
        if (wanted < 0)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "from_sequence is below 0; sequences begin with 1.");
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var ends = await FeedEnds.OfAsync(database, tenant, cancellationToken);
        if (wanted == 0)
        {
            return ends.First;
        }

        // A caller that is ahead of the feed would wait for what it believes to have seen already.
        return wanted > ends.Last + 1
            ? throw Refusal.Of(StatusCode.OutOfRange, $"The feed ends with sequence {ends.Last}, so from_sequence can be {ends.Last + 1} at most; {wanted} comes from another installation or a lost database.")
            : wanted >= ends.First ? wanted : throw Dropped(ends.First);
    }

    /// <summary>Answers from a sequence on.</summary>
    /// <param name="tenant">Whose feed.</param>
    /// <param name="from">The first sequence.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">The caller's patience.</param>
    /// <exception cref="RpcException">OUT_OF_RANGE: dropped since; DATA_LOSS: the feed has a gap.</exception>
    public async Task<IReadOnlyList<Prediction>> ReadAsync(string tenant, long from, int limit, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await (
            from seal in database.PredictionSeals
            join prediction in database.Predictions on seal.PredictionId equals prediction.Id
            where seal.Tenant == tenant && seal.TenantSequence >= @from
            orderby seal.TenantSequence
            select new { seal.TenantSequence, Row = prediction }).AsNoTracking().Take(limit).ToListAsync(cancellationToken);
        for (var at = 0; at < rows.Count; at++)
        {
            if (rows[at].TenantSequence != from + at)
            {
                var ends = await FeedEnds.OfAsync(database, tenant, cancellationToken);
                throw from < ends.First ? Dropped(ends.First) : Refusal.Of(
                    StatusCode.DataLoss,
                    $"Sequence {from + at} is missing from the audit, which says that somebody took it out: the operators must verify the audit. The feed goes on from {rows[at].TenantSequence}.");
            }
        }

        return rows.ConvertAll(row => PredictionsService.ToMessage(row.Row, row.TenantSequence));
    }

    /// <summary>Writes the feed from a sequence on until the caller goes away or the service stops.</summary>
    /// <param name="tenant">Whose feed.</param>
    /// <param name="wanted">The sequence that the caller wants; 0 for the oldest that is kept.</param>
    /// <param name="answers">Where it goes.</param>
    /// <param name="cancellationToken">Tells that the caller has gone away.</param>
    /// <exception cref="RpcException">Why there is no more.</exception>
    public async Task FollowAsync(string tenant, long wanted, IServerStreamWriter<SubscribePredictionsResponse> answers, CancellationToken cancellationToken)
    {
        using var slot = _slots.Enter(tenant);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);

        // Before the first look, so that nothing falls between.
        using var hints = notifications.Subscribe(MelanomaDatabase.PredictionsChannel);
        try
        {
            var next = await BeginAsync(tenant, wanted, stop.Token);
            var caughtUp = false;
            var writtenAt = time.GetTimestamp();
            while (true)
            {
                var page = await ReadAsync(tenant, next, PageOfSubscription, stop.Token);
                foreach (var prediction in page)
                {
                    stop.Token.ThrowIfCancellationRequested();
                    await answers.WriteAsync(new SubscribePredictionsResponse { Prediction = prediction, NextSequence = ++next }, cancellationToken);
                    writtenAt = time.GetTimestamp();
                }

                if (page.Count == PageOfSubscription)
                {
                    continue;
                }

                if (!caughtUp || time.GetElapsedTime(writtenAt) >= _longestSilence)
                {
                    await answers.WriteAsync(new SubscribePredictionsResponse { NextSequence = next }, cancellationToken);
                    writtenAt = time.GetTimestamp();
                    caughtUp = true;
                }

                var left = _longestSilence - time.GetElapsedTime(writtenAt);
                await hints.WaitAsync(hint => tenant.StartsWith(hint, StringComparison.Ordinal), left > TimeSpan.Zero ? left : TimeSpan.Zero, stop.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refusal.Of(StatusCode.Unavailable, "The service is stopping; subscribe again from the last next_sequence.");
        }
    }

    private static RpcException Dropped(long first) =>
        Refusal.Of(StatusCode.OutOfRange, $"What was before sequence {first} has been dropped, as the installation keeps answers for a time only; go on from {first}.");
}
