using System.Globalization;
using System.Text.Json;
using Melanoma.Contracts.Models;
using Melanoma.Storage;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Models;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Registry;

/// <summary>What must be known of a dataset by everybody who reads the figures of a model on it, as it is known now.</summary>
internal static class DatasetWarnings
{
    private static readonly TimeSpan LongestQuery = TimeSpan.FromMinutes(10);

    /// <summary>The warnings of a model's dataset; queries on this context may take long from then on, because a dataset may have millions of rows.</summary>
    public static async Task<IReadOnlyList<string>> ReadAsync(MelanomaDbContext database, ModelVersion model, CancellationToken cancellationToken)
    {
        if (model.DatasetId is not { } datasetId)
            return Told(model);
        database.Database.SetCommandTimeout(LongestQuery);
        var dataset = await database.Datasets.AsNoTracking().SingleAsync(dataset => dataset.Id == datasetId, cancellationToken);
        var warnings = new List<string>(dataset.Warnings);
        if (dataset.Kind == DatasetKind.Honest
            && (await DividedLesions.CountAsync(database, [datasetId], cancellationToken)).TryGetValue(datasetId, out var divided))
        {
            warnings.Add(Say($"{divided} lesions turned out to be in two splits after the dataset was made: figures on it are too good. They are test in every later dataset."));
        }

        var forgotten = await database.DatasetItems.AsNoTracking().Where(item => item.DatasetId == datasetId)
            .Join(database.Images.Where(image => image.ForgottenAt != null), item => item.ImageId, image => image.Id, (item, _) => item.ImageId)
            .CountAsync(cancellationToken);
        if (forgotten > 0)
            warnings.Add(Say($"{forgotten} of its images were forgotten since; the model was trained or judged on them."));
        return warnings;
    }

    /// <summary>What the bundled model's report says of pictures that are not here.</summary>
    private static IReadOnlyList<string> Told(ModelVersion model)
    {
        try
        {
            return ModelReport.FromJson(model.Report).DatasetWarnings;
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
