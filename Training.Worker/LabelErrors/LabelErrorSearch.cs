using Melanoma.Storage.Datasets;
using Melanoma.Training.Embeddings;
using Melanoma.Training.Networks;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.LabelErrors;

/// <summary>Looks through the claims about a run's dataset for those that are likely to be wrong.</summary>
internal sealed partial class LabelErrorSearch(
    DatasetClaims claims, RunEmbedder embedders, IOptions<TrainingOptions> options, TimeProvider time, ILogger<LabelErrorSearch> logger)
{
    /// <summary>What is less likely wrong than right is not worth a person's time.</summary>
    private const double LeastScore = 0.5;

    private const int FindingsAtMost = 1000;

    /// <summary>More than every tenth image is no list of errors any more.</summary>
    private const int ImagesPerFinding = 10;

    /// <summary>Two for each of the five parts that the lesions are divided into.</summary>
    private const int LeastLesions = 10;

    /// <summary>The likeliest errors, the likeliest first: at most 1,000, and at most one for ten images.</summary>
    /// <param name="trained">The run's network. It describes the pictures where no off-the-shelf weights are set.</param>
    /// <param name="weights">The run's weights.</param>
    /// <returns>Nothing for a reproduction, when switched off, and when the search fails: a warning then says why.</returns>
    /// <exception cref="OperationCanceledException">The search was called off.</exception>
    public async Task<IReadOnlyList<LikelyLabelError>> FindAsync(
        RunClaim run, NetworkDescription trained, IReadOnlyDictionary<string, Weight> weights, CancellationToken cancellationToken)
    {
        if (run.DatasetKind != DatasetKind.Honest || !options.Value.FindLabelErrors)
        {
            return [];
        }

        var started = time.GetTimestamp();
        try
        {
            using var embedder = await embedders.OpenAsync(trained, weights, cancellationToken);
            var images = await claims.ReadAsync(run.DatasetId, embedder, cancellationToken);
            if (Refusal(images) is { } refusal)
            {
                LogNotLookedFor(run.RunId, refusal);
                return [];
            }

            var found = await Task.Run(() => Select(images, cancellationToken), cancellationToken);
            LogFound(run.RunId, found.Count, images.Count, time.GetElapsedTime(started).TotalSeconds);
            return found;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The model is trained and good: whatever keeps its labels from being looked through must not lose it.
            LogNotLookedFor(run.RunId, exception.Message);
            return [];
        }
    }

    private static string? Refusal(IReadOnlyList<ClaimedImage> images)
    {
        var claimed = images.Where(image => image.Row.Claims.Count > 0).ToList();
        if (claimed.DistinctBy(image => image.Row.Group).Count() < LeastLesions)
        {
            return $"Fewer than {LeastLesions} of its lesions have a label.";
        }

        return claimed.SelectMany(image => image.Row.Claims).Distinct().Count() < 2 ? "All labels of its images are the same." : null;
    }

    private static List<LikelyLabelError> Select(IReadOnlyList<ClaimedImage> images, CancellationToken cancellationToken)
    {
        var byId = images.ToDictionary(image => image.Row.Image);
        var ranking = LabelErrorFinder.Rank([.. images.Select(image => image.Row)], new LabelErrorOptions(), cancellationToken);
        return
        [
            .. ranking.TakeWhile(error => error.Score >= LeastScore).Where(error => byId[error.Image].MayAskAbout(error.Claim))
                .Take(Math.Min(FindingsAtMost, images.Count / ImagesPerFinding)),
        ];
    }

    [LoggerMessage(40, LogLevel.Information, "Run {RunId}: {Count} labels of {Images} images are likely to be wrong; looked for in {Seconds:f1} s")]
    private partial void LogFound(Guid runId, int count, int images, double seconds);

    [LoggerMessage(41, LogLevel.Warning, "Run {RunId} goes on without having looked for label errors: {Reason}")]
    private partial void LogNotLookedFor(Guid runId, string reason);
}
