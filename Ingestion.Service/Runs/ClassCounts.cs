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
    private readonly ConcurrentDictionary<(int Dataset, int? Fold), TrainingImages> _datasets = [];
    private readonly ConcurrentDictionary<(Guid Augmentation, int? Fold), TrainingImages> _augmentations = [];

    /// <summary>Originals in the training split, without the fold of a cross-validation that is held out.</summary>
    public async Task<TrainingImages> OfDatasetAsync(MelanomaDbContext database, int datasetId, int? fold, CancellationToken cancellationToken)
    {
        if (_datasets.TryGetValue((datasetId, fold), out var known))
        {
            return known;
        }

        var labels = await Trained(database, datasetId, fold)
            .GroupBy(item => item.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        return _datasets[(datasetId, fold)] = Spread([.. labels.Select(group => (group.Label, group.Count))]);
    }

    /// <summary>Variants made so far that are trained on, without those of images of a fold that is held out.</summary>
    public async Task<TrainingImages> OfAugmentationAsync(MelanomaDbContext database, Augmentation? augmentation, int? fold, CancellationToken cancellationToken)
    {
        if (augmentation is null || augmentation.Batches == 0)
        {
            return new TrainingImages(new int[Diagnoses.Count], 0);
        }

        if (_augmentations.TryGetValue((augmentation.Id, fold), out var known))
        {
            return known;
        }

        var variants = database.Variants.Where(variant => variant.AugmentationId == augmentation.Id && variant.Split == Split.Train);
        var trained = fold is null
            ? variants
            : variants.Join(Trained(database, augmentation.DatasetId, fold), variant => variant.ParentOrdinal, item => item.Ordinal, (variant, _) => variant);
        var labels = await trained
            .GroupBy(variant => variant.Label).Select(group => new { Label = group.Key, Count = group.Count() }).ToListAsync(cancellationToken);
        var counts = Spread([.. labels.Select(group => (group.Label, group.Count))]);
        return augmentation.CompletedAt is null ? counts : _augmentations[(augmentation.Id, fold)] = counts;
    }

    private static IQueryable<DatasetItem> Trained(MelanomaDbContext database, int datasetId, int? fold)
    {
        var items = database.DatasetItems.Where(item => item.DatasetId == datasetId && item.Split == Split.Train);
        return fold is null
            ? items
            : items.Where(item => !database.DatasetGroups.Any(group => group.DatasetId == datasetId && group.GroupId == item.GroupId && group.Fold == fold));
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
