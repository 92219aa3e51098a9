using Melanoma.Storage.Datasets;
using Melanoma.Training.Embeddings;
using Melanoma.Training.Networks;
using Melanoma.Training.Runs;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.LesionViews;

/// <summary>Looks through the pictures of a run's dataset for pairs that show one lesion although they are in different groups.</summary>
internal sealed partial class LesionViewSearch(
    DatasetPictures pictures, RunEmbedder embedders, IOptions<TrainingOptions> options, TimeProvider time, ILogger<LesionViewSearch> logger)
{
    private const int PairsAtMost = 1000;

    /// <summary>Each texture is compared with each other, so time grows with the square of their number. This many take minutes and half a gigabyte.</summary>
    private const int PicturesAtMost = 100_000;

    /// <summary>The surest pairs, the surest first: at most 1,000, none of lesions that a reviewer called different.</summary>
    /// <param name="trained">The run's network. It describes the pictures where no off-the-shelf weights are set.</param>
    /// <param name="weights">The run's weights.</param>
    /// <returns>Nothing for a reproduction, when switched off, and when the search fails: a warning then says why.</returns>
    /// <exception cref="OperationCanceledException">The search was called off.</exception>
    public async Task<IReadOnlyList<LesionViewPair>> FindAsync(
        RunClaim run, NetworkDescription trained, IReadOnlyDictionary<string, Weight> weights, CancellationToken cancellationToken)
    {
        if (run.DatasetKind != DatasetKind.Honest || !(options.Value.FindLesionViews ?? options.Value.FindLabelErrors))
        {
            return [];
        }

        var started = time.GetTimestamp();
        try
        {
            if (await pictures.CountAsync(run.DatasetId, cancellationToken) is var count and > PicturesAtMost)
            {
                LogNotLookedFor(run.RunId, $"Its dataset has {count} pictures; at most {PicturesAtMost} are compared.");
                return [];
            }

            using var embedder = await embedders.OpenAsync(trained, weights, cancellationToken);
            using var features = FeatureFile.Create(options.Value.CacheFolder);
            var seen = await pictures.ReadAsync(run.DatasetId, embedder, features, cancellationToken);
            var rejected = await pictures.ReadRejectedAsync(cancellationToken);
            var found = await Task.Run(() => LesionViewFinder.Find(seen, features.Read, new LesionViewOptions(), cancellationToken), cancellationToken);
            var lesions = seen.ToDictionary(picture => picture.Image, picture => picture.Lesion!);
            var news = found.Where(pair => !rejected.Contains((lesions[pair.First], lesions[pair.Second]))).Take(PairsAtMost).ToList();
            LogFound(run.RunId, news.Count, seen.Count, time.GetElapsedTime(started).TotalSeconds);
            return news;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The model is trained and good: whatever keeps its pictures from being compared must not lose it.
            LogNotLookedFor(run.RunId, exception.Message);
            return [];
        }
    }

    [LoggerMessage(42, LogLevel.Information, "Run {RunId}: {Count} pairs of {Images} images are likely to show one lesion each; looked for in {Seconds:f1} s")]
    private partial void LogFound(Guid runId, int count, int images, double seconds);

    [LoggerMessage(43, LogLevel.Warning, "Run {RunId} goes on without having looked for other views of its lesions: {Reason}")]
    private partial void LogNotLookedFor(Guid runId, string reason);
}
