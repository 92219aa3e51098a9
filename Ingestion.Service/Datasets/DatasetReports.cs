using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Reads snapshots with their counts.</summary>
internal sealed class DatasetReports(IDbContextFactory<MelanomaDbContext> databases)
{
    // A later version of the product may have written more than this one knows.
    private static readonly JsonParser ShortcutParser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    // Datasets of millions of rows are counted row by row.
    private static readonly TimeSpan LongestQuery = TimeSpan.FromMinutes(10);

    public async Task<V1.Dataset?> FindAsync(int id, CancellationToken cancellationToken) =>
        (await ListAsync(datasets => datasets.Where(dataset => dataset.Id == id), cancellationToken)).SingleOrDefault();

    public Task<List<V1.Dataset>> ListAsync(CancellationToken cancellationToken) =>
        ListAsync(datasets => datasets.OrderByDescending(dataset => dataset.Id), cancellationToken);

    private async Task<List<V1.Dataset>> ListAsync(Func<IQueryable<Dataset>, IQueryable<Dataset>> choose, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        database.Database.SetCommandTimeout(LongestQuery);
        var datasets = await choose(database.Datasets.AsNoTracking()).ToListAsync(cancellationToken);
        var ids = datasets.Select(dataset => dataset.Id).ToList();
        var items = database.DatasetItems.AsNoTracking().Where(item => ids.Contains(item.DatasetId));
        var counts = (await items
            .GroupBy(item => new { item.DatasetId, item.Split, item.Label })
            .Select(group => new ItemCount(group.Key.DatasetId, group.Key.Split, group.Key.Label, group.Count()))
            .ToListAsync(cancellationToken)).ToLookup(row => row.DatasetId);
        var groups = await database.DatasetGroups.AsNoTracking().Where(group => ids.Contains(group.DatasetId))
            .GroupBy(group => group.DatasetId)
            .Select(group => new { group.Key, Count = group.Count() })
            .ToDictionaryAsync(row => row.Key, row => row.Count, cancellationToken);

        // By the groups as they are now, not as the snapshot wrote them down: what turned out to be one lesion later shows.
        var ofImages = datasets.Where(dataset => dataset.Kind != DatasetKind.Reproduction).Select(dataset => dataset.Id).ToList();
        var divided = await DividedLesions.CountAsync(database, ofImages, cancellationToken);

        // A reproduction wrote no groups down, and divides lesions from the start.
        var dividedFiles = await items.Where(item => item.Kind == DatasetKind.Reproduction)
            .Join(database.Images, item => item.ImageId, image => image.Id, (item, image) => new { item.DatasetId, image.GroupId, item.Split })
            .Distinct()
            .GroupBy(row => new { row.DatasetId, row.GroupId })
            .Where(group => group.Count() > 1)
            .Select(group => group.Key.DatasetId)
            .GroupBy(id => id)
            .Select(group => new { group.Key, Count = group.Count() })
            .ToDictionaryAsync(row => row.Key, row => row.Count, cancellationToken);

        var folds = (await items.Where(item => item.Kind == DatasetKind.CrossValidation)
            .Join(database.DatasetGroups, item => new { item.DatasetId, item.GroupId }, group => new { group.DatasetId, GroupId = (Guid?)group.GroupId }, (_, group) => group)
            .GroupBy(group => new { group.DatasetId, group.Fold })
            .Select(rows => new { rows.Key.DatasetId, rows.Key.Fold, Images = rows.Count(), Groups = rows.Select(group => group.GroupId).Distinct().Count() })
            .OrderBy(fold => fold.Fold)
            .ToListAsync(cancellationToken))
            .ToLookup(fold => fold.DatasetId, fold => new V1.FoldSummary { Fold = fold.Fold!.Value, Images = fold.Images, Groups = fold.Groups });

        var forgotten = await items
            .Join(database.Images.Where(image => image.ForgottenAt != null), item => item.ImageId, image => image.Id, (item, _) => item.DatasetId)
            .GroupBy(id => id)
            .Select(group => new { group.Key, Count = group.Count() })
            .ToDictionaryAsync(row => row.Key, row => row.Count, cancellationToken);

        return [.. datasets.Select(dataset =>
        {
            var result = Map(dataset, [.. counts[dataset.Id]]);
            result.Groups = groups.GetValueOrDefault(dataset.Id);
            result.GroupsInTwoSplits = (dataset.Kind == DatasetKind.Reproduction ? dividedFiles : divided).GetValueOrDefault(dataset.Id);
            result.Forgotten = forgotten.GetValueOrDefault(dataset.Id);
            result.Folds.AddRange(folds[dataset.Id]);
            return result;
        })];
    }

    private static V1.Dataset Map(Dataset dataset, List<ItemCount> counts)
    {
        var result = new V1.Dataset
        {
            DatasetId = dataset.Id,
            Kind = dataset.Kind switch
            {
                DatasetKind.Honest => V1.DatasetKind.Honest,
                DatasetKind.Reproduction => V1.DatasetKind.Reproduction,
                _ => V1.DatasetKind.CrossValidation,
            },
            CreatedAt = Timestamp.FromDateTimeOffset(dataset.CreatedAt),
            Images = counts.Sum(row => row.Count),
            Parked = dataset.Parked,
            ContentHash = Convert.ToHexStringLower(dataset.ContentHash),
            Shortcuts = dataset.Shortcuts is { } shortcuts ? ShortcutParser.Parse<V1.ShortcutReport>(shortcuts) : null,
        };
        result.Rules.AddRange(dataset.Rules);
        result.Warnings.AddRange(dataset.Warnings);
        result.Licences.AddRange(dataset.Licences ?? []);
        if (dataset.LeftOut is { } leftOut)
            result.LeftOut.AddRange(LeftOut.FromJson(leftOut).Select(part => new V1.LeftOut { Reason = part.Reason, Count = part.Count }));
        result.Splits.Add(MapSplit(counts, Split.Train, V1.Split.Train));
        result.Splits.Add(MapSplit(counts, Split.Validation, V1.Split.Validation));
        result.Splits.Add(MapSplit(counts, Split.Test, V1.Split.Test));
        return result;
    }

    private static V1.SplitSummary MapSplit(List<ItemCount> counts, Split split, V1.Split mapped)
    {
        var rows = counts.FindAll(row => row.Split == split);
        var summary = new V1.SplitSummary { Split = mapped, Images = rows.Sum(row => row.Count) };
        for (var index = 0; index < Diagnoses.Count; index++)
        {
            var label = DiagnosisSet.Of((Diagnosis)index);
            summary.Classes.Add(new V1.ClassCount { Diagnosis = Diagnoses.Names[index], Count = rows.Find(row => row.Label == label)?.Count ?? 0 });
        }

        return summary;
    }

    private sealed record ItemCount(int DatasetId, Split Split, DiagnosisSet Label, int Count);
}
