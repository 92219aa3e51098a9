using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Audit;

/// <summary>Reads the chain from what retention left to its end, and says whether it is whole.</summary>
internal sealed class AuditVerifier(IDbContextFactory<MelanomaDbContext> databases, TimeProvider time)
{
    private static readonly TimeSpan LongestQuery = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(30);

    /// <summary>Reads everything once.</summary>
    /// <param name="noted">What was noted of the chain outside of the database; null for nothing.</param>
    /// <param name="progress">Told after each page how many rows were checked, and of how many.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="RpcException">FAILED_PRECONDITION: what was noted cannot be checked any more.</exception>
    public async Task<AuditVerdict> VerifyAsync(ChainEnd? noted, Func<long, long, Task> progress, CancellationToken cancellationToken)
    {
        var defects = new AuditDefects();
        var page = await SealedRows.ReadAsync(databases, after: -1, cancellationToken);
        var walk = await BeginAsync(page.Start, noted, defects, cancellationToken);
        await RequireNotedIsKeptAsync(noted, walk, defects, cancellationToken);
        while (true)
        {
            page = await SealedRows.ReadAsync(databases, walk.Position, cancellationToken);
            if (page.Start.Position > walk.Position)
            {
                // Retention went on meanwhile.
                walk = await BeginAsync(page.Start, noted, defects, cancellationToken);
                continue;
            }

            // The last of a full page is taken with the next page, which shows what follows it.
            var taken = page.Rows.Count == SealedRows.PageSize ? page.Rows.Count - 1 : page.Rows.Count;
            for (var at = 0; at < taken; at++)
            {
                walk.Take(page.Rows[at], at + 1 < page.Rows.Count ? page.Rows[at + 1] : null);
            }

            await progress(walk.Checked, walk.Checked + Math.Max(0, page.Last - walk.Position));
            if (page.Rows.Count == 0)
            {
                break;
            }
        }

        if (noted is not null && noted.Position > walk.Position)
        {
            defects.Add(AuditDefectKind.NotAsNoted, noted.Position, id: null, $"The chain ends with position {walk.Position}, but {noted.Position} was noted: its end was cut off.");
        }

        // On very many rows the last questions take minutes, in which a sign of life keeps the call open.
        var conclusion = ConcludeAsync(walk, defects, cancellationToken);
        while (await Task.WhenAny(conclusion, Task.Delay(SignOfLife, time, cancellationToken)) != conclusion)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await progress(walk.Checked, walk.Checked);
        }

        return await conclusion;
    }

    private async Task<ChainWalk> BeginAsync(ChainEnd start, ChainEnd? noted, AuditDefects defects, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var sequences = await (
            from end in database.AuditAnchorSequences
            join anchor in database.AuditAnchors on end.Month equals anchor.Month
            where anchor.LastPosition == start.Position
            select end).ToDictionaryAsync(end => end.Tenant, end => end.LastSequence, cancellationToken);
        return new ChainWalk(start, sequences, noted, defects);
    }

    private async Task RequireNotedIsKeptAsync(ChainEnd? noted, ChainWalk walk, AuditDefects defects, CancellationToken cancellationToken)
    {
        if (noted is null || noted.Position > walk.Position)
        {
            return;
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var hash = await database.AuditAnchors.Where(anchor => anchor.LastPosition == noted.Position).Select(anchor => anchor.LastHash).SingleOrDefaultAsync(cancellationToken)
            ?? throw Refusal.Of(StatusCode.FailedPrecondition, $"Position {noted.Position} was dropped by retention, and its hash with it; note one of {walk.Position} or later.");
        defects.Compare(noted, noted.Position, hash, id: null);
    }

    // What the chain itself does not show: rows that never came to it.
    private async Task<AuditVerdict> ConcludeAsync(ChainWalk walk, AuditDefects defects, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(LongestQuery);
        var without = from row in database.Predictions
                      where !database.PredictionSeals.Any(seal => seal.PredictionId == row.Id) && !database.UnsealedPredictions.Any(waiting => waiting.PredictionId == row.Id)
                      orderby row.Id
                      select row.Id;
        await foreach (var id in without.AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            defects.Add(AuditDefectKind.SealMissing, position: 0, id, $"Prediction {id} has no seal and does not wait for one: its seal was taken out, or the row was put in past the service.");
        }

        var gone = from waiting in database.UnsealedPredictions
                   where !database.Predictions.Any(row => row.Id == waiting.PredictionId)
                   orderby waiting.PredictionId
                   select waiting.PredictionId;
        await foreach (var id in gone.AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            defects.Add(AuditDefectKind.RowMissing, position: 0, id, $"Prediction {id} waits for its seal, but its row is gone.");
        }

        var times = from waiting in database.UnsealedPredictions join row in database.Predictions on waiting.PredictionId equals row.Id select row.Time;
        var verdict = new AuditVerdict
        {
            Intact = defects.Count == 0,
            DefectCount = defects.Count,
            FirstPosition = walk.First,
            LastPosition = walk.Position,
            LastHash = Convert.ToHexStringLower(walk.Hash),
            UnsealedRows = await times.LongCountAsync(cancellationToken),
            OldestUnsealed = await times.MinAsync(time => (DateTimeOffset?)time, cancellationToken) is { } oldest ? oldest.ToTimestamp() : null,
        };
        verdict.Defects.AddRange(defects.First);
        return verdict;
    }
}
