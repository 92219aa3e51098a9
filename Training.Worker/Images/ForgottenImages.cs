using Npgsql;

namespace Melanoma.Training.Images;

/// <summary>Keeps this worker from training on images that were forgotten, and from keeping their pixels.</summary>
internal sealed partial class ForgottenImages(NpgsqlDataSource dataSource, ILogger<ForgottenImages> logger)
{
    private const string Count = """
        SELECT count(DISTINCT image_id) FROM dataset_items JOIN images ON images.id = image_id WHERE dataset_id = $1 AND forgotten_at IS NOT NULL
        """;

    private const string Touched = """
        SELECT id FROM augmentations WHERE id = ANY($1) AND EXISTS (
            SELECT FROM dataset_items JOIN images ON images.id = image_id
            WHERE dataset_items.dataset_id = augmentations.dataset_id AND forgotten_at IS NOT NULL)
        """;

    /// <summary>Refuses a dataset of which images were forgotten.</summary>
    /// <exception cref="UnusableDatasetException">Some were.</exception>
    public async Task CheckAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Count);
        command.Parameters.Add(new() { Value = datasetId });
        var forgotten = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        if (forgotten > 0)
        {
            throw new UnusableDatasetException($"{forgotten} images of dataset {datasetId} were forgotten since; make another dataset.");
        }
    }

    /// <summary>Deletes the caches of datasets of which images were forgotten, unfinished ones too. Their names begin with the id of the augmentation.</summary>
    public async Task RemoveCachesAsync(string folder, CancellationToken cancellationToken)
    {
        var caches = new DirectoryInfo(folder).GetFiles("*.pixels*")
            .ToLookup(file => Guid.TryParseExact(file.Name.Split('-')[0], "N", out var id) ? id : Guid.Empty);
        if (caches.Count == 0)
        {
            return;
        }

        await using var command = dataSource.CreateCommand(Touched);
        command.Parameters.Add(new() { Value = caches.Select(cache => cache.Key).ToArray() });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            foreach (var file in caches[row.GetGuid(0)])
            {
                file.Delete();
                LogRemoved(file.Name);
            }
        }
    }

    [LoggerMessage(2, LogLevel.Information, "The image cache {Name} is deleted: images of its dataset were forgotten")]
    private partial void LogRemoved(string name);
}
