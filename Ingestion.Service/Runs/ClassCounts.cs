using System.Collections.Concurrent;
using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Ingestion.Runs;

/// <summary>
/// Training images, of a dataset and of an augmentation. What can never change again is counted once.
/// </summary>
internal sealed class ClassCounts
{
    private readonly ConcurrentDictionary<int, TrainingImages> _datasets = [];
    private readonly ConcurrentDictionary<Guid, TrainingImages> _augmentations = [];

    /// <summary>Originals in the training split.</summary>
    public async Task<TrainingImages> OfDatasetAsync(MelanomaDbContext database, int datasetId, CancellationToken cancellationToken)
    {
        if (_datasets.TryGetValue(datasetId, out var known))
        {
            return known;
        }

        var labels = await database.DatasetItems.Where(item => item.DatasetId == datasetId && item.Split == Split.Train)
            .GroupBy(item => item.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        return _datasets[datasetId] = Spread([.. labels.Select(group => (group.Label, group.Count))]);
    }

    /// <summary>Variants made so far that are trained on.</summary>
    public async Task<TrainingImages> OfAugmentationAsync(MelanomaDbContext database, Augmentation? augmentation, CancellationToken cancellationToken)
    {
        if (augmentation is null || augmentation.Batches == 0)
        {
            return new TrainingImages(new int[Diagnoses.Count], 0);
        }

        if (_augmentations.TryGetValue(augmentation.Id, out var known))
        {
            return known;
        }

        var labels = await database.Variants.Where(variant => variant.AugmentationId == augmentation.Id && variant.Split == Split.Train)
            .GroupBy(variant => variant.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        var counts = Spread([.. labels.Select(group => (group.Label, group.Count))]);
        return augmentation.CompletedAt is null ? counts : _augmentations[augmentation.Id] = counts;
    }

    private static TrainingImages Spread(IReadOnlyCollection<(DiagnosisSet Label, int Count)> labels)
    {
        var counts = new int[Diagnoses.Count];
        foreach (var (label, count) in labels.Where(group => group.Label.Count == 1))
        {
            counts[(int)label.Sole] = count;
        }

        return new TrainingImages(counts, labels.Sum(group => group.Count));
    }
}

/// <summary>How many images are trained on.</summary>
/// <param name="PerDiagnosis">By index of the diagnosis; images whose label is a set of several belong to none of the nine and are not counted.</param>
/// <param name="All">All of them.</param>
internal sealed record TrainingImages(int[] PerDiagnosis, int All);
