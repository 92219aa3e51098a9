using System.Globalization;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Registry;

/// <summary>What must be known of a dataset by everybody who reads the figures of a model on it, as it is known now.</summary>
internal static class DatasetWarnings
{
    public static async Task<IReadOnlyList<string>> ReadAsync(MelanomaDbContext database, int datasetId, CancellationToken cancellationToken)
    {
        var dataset = await database.Datasets.AsNoTracking().SingleAsync(dataset => dataset.Id == datasetId, cancellationToken);
        var warnings = new List<string>(dataset.Warnings);
        var items = database.DatasetItems.AsNoTracking().Where(item => item.DatasetId == datasetId)
            .Join(database.Images, item => item.ImageId, image => image.Id, (item, image) => new { item.Split, image.GroupId, image.ForgottenAt });
        if (dataset.Kind == DatasetKind.Honest)
        {
            var divided = await items.Select(item => new { item.GroupId, item.Split }).Distinct().GroupBy(item => item.GroupId).CountAsync(group => group.Count() > 1, cancellationToken);
            if (divided > 0)
                warnings.Add(Say($"{divided} lesions turned out to be in two splits after the dataset was made: figures on it are too good. They are test in every later dataset."));
        }

        var forgotten = await items.CountAsync(item => item.ForgottenAt != null, cancellationToken);
        if (forgotten > 0)
            warnings.Add(Say($"{forgotten} of its images were forgotten since; the model was trained or judged on them."));
        return warnings;
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
