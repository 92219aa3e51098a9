using System.Collections.Concurrent;
using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Augmentations;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Ingestion.Runs;

/// <summary>
/// Training images per diagnosis, of a dataset and of an augmentation. Images whose label is a set of several diagnoses
/// belong to none of the nine and are not counted. What can never change again is counted once.
/// </summary>
internal sealed class ClassCounts
{
    private readonly ConcurrentDictionary<int, int[]> _datasets = [];
    private readonly ConcurrentDictionary<Guid, int[]> _augmentations = [];

    /// <summary>Originals in the training split, by index of the diagnosis.</summary>
    public async Task<int[]> OfDatasetAsync(MelanomaDbContext database, int datasetId, CancellationToken cancellationToken)
    {
        if (_datasets.TryGetValue(datasetId, out var known))
        {
            return known;
        }

        var labels = await database.DatasetItems.Where(item => item.DatasetId == datasetId && item.Split == Split.Train)
            .GroupBy(item => item.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        return _datasets[datasetId] = Spread(labels.Select(group => (group.Label, group.Count)));
    }

    /// <summary>Variants made so far that are trained on, by index of the diagnosis.</summary>
    public async Task<int[]> OfAugmentationAsync(MelanomaDbContext database, Augmentation? augmentation, CancellationToken cancellationToken)
    {
        if (augmentation is null || augmentation.Batches == 0)
        {
            return new int[Diagnoses.Count];
        }

        if (_augmentations.TryGetValue(augmentation.Id, out var known))
        {
            return known;
        }

        var labels = await database.Variants.Where(variant => variant.AugmentationId == augmentation.Id && variant.Split == Split.Train)
            .GroupBy(variant => variant.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        var counts = Spread(labels.Select(group => (group.Label, group.Count)));
        return augmentation.CompletedAt is null ? counts : _augmentations[augmentation.Id] = counts;
    }

    private static int[] Spread(IEnumerable<(DiagnosisSet Label, int Count)> labels)
    {
        var counts = new int[Diagnoses.Count];
        foreach (var (label, count) in labels.Where(group => group.Label.Count == 1))
        {
            counts[(int)label.Sole] = count;
        }

        return counts;
    }
}
