using System.Runtime.CompilerServices;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Training.Images;

/// <summary>Brings a dataset's pictures and variants out of Postgres once, decoded, into a local file that any run of the same size can use.</summary>
internal sealed partial class DatasetImages(
    NpgsqlDataSource dataSource, ForgottenImages forgotten, IOptions<TrainingOptions> options, TimeProvider time, ILogger<DatasetImages> logger)
{
    private static readonly TimeSpan LongestSilence = TimeSpan.FromHours(1);

    /// <summary>The samples of a dataset with an augmentation, and their decoded pictures.</summary>
    /// <param name="size">Height and width of the decoded pictures, in pixels.</param>
    /// <param name="leastLesions">A diagnosis with fewer training lesions is unsupported.</param>
    /// <param name="heldOut">The fold of a cross-validation that stands in for validation, and of which no variant is trained on; null for other datasets.</param>
    /// <exception cref="UnusableDatasetException">A picture was forgotten or cannot be decoded, or there is nothing to train or validate on.</exception>
    public async Task<TrainingData> LoadAsync(int datasetId, Guid augmentationId, int size, int leastLesions, int? heldOut, CancellationToken cancellationToken)
    {
        PrivateFolder.Create(options.Value.CacheFolder);
        await forgotten.RemoveCachesAsync(options.Value.CacheFolder, cancellationToken);
        await forgotten.CheckAsync(datasetId, cancellationToken);
        var samples = await SamplesAsync(datasetId, augmentationId, heldOut, cancellationToken);
        if (!samples.Any(sample => sample.Split == Split.Train) || !samples.Any(sample => sample.Split == Split.Validation))
        {
            throw new UnusableDatasetException($"Dataset {datasetId} has no training images or no validation images.");
        }

        var path = Path.Combine(options.Value.CacheFolder, $"{augmentationId:N}-{size}.pixels");
        var bytes = (long)samples.Count * size * size * 3;
        if (!File.Exists(path) || new FileInfo(path).Length != bytes)
        {
            await BuildAsync(path, bytes, datasetId, augmentationId, size, cancellationToken);
        }

        File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);
        RemoveOldCaches(path);
        // Variants are made of every fold, and lie in the cache that all folds share.
        var used = samples.Where(sample => !sample.IsVariant || heldOut is null || sample.Split == Split.Train).ToList();
        var data = new TrainingData(new ImageCache(path, size), used, leastLesions);
        if (data.Train.Length == 0)
        {
            data.Images.Dispose();
            throw new UnusableDatasetException($"No diagnosis of dataset {datasetId} has the {leastLesions} training lesions that the recipe asks for.");
        }

        return data;
    }

    /// <summary>Items in the order of the dataset, then the variants in theirs.</summary>
    private async Task<List<Sample>> SamplesAsync(int datasetId, Guid augmentationId, int? heldOut, CancellationToken cancellationToken)
    {
        var samples = new List<Sample>();
        var groups = new Dictionary<Guid, int>();
        await using var items = dataSource.CreateCommand(
            """
            SELECT CASE WHEN lesion.fold = @fold THEN 'validation' ELSE item.split END, label, item.group_id
            FROM dataset_items AS item LEFT JOIN dataset_groups AS lesion ON lesion.dataset_id = item.dataset_id AND lesion.group_id = item.group_id
            WHERE item.dataset_id = @dataset ORDER BY ordinal
            """);
        items.Parameters.AddWithValue("dataset", datasetId);
        items.Parameters.AddWithValue("fold", NpgsqlDbType.Integer, (object?)heldOut ?? DBNull.Value);
        await using (var reader = await items.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                // Rows of a reproduction know no lesion: each stands for itself.
                var group = await reader.IsDBNullAsync(2, cancellationToken) ? -1 - samples.Count : Number(reader.GetGuid(2));
                samples.Add(new Sample(samples.Count, ToSplit(reader.GetString(0)), new DiagnosisSet(reader.GetInt16(1)), group, IsVariant: false));
            }
        }

        await using var variants = dataSource.CreateCommand("SELECT split, label, parent_ordinal FROM variants WHERE augmentation_id = @augmentation ORDER BY ordinal");
        variants.Parameters.AddWithValue("augmentation", augmentationId);
        await using (var reader = await variants.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var parent = reader.GetInt32(2);
                samples.Add(new Sample(
                    samples.Count, heldOut is null ? ToSplit(reader.GetString(0)) : samples[parent].Split, new DiagnosisSet(reader.GetInt16(1)),
                    samples[parent].Group, IsVariant: true, parent));
            }
        }

        return samples;

        int Number(Guid group) => groups.TryGetValue(group, out var number) ? number : groups[group] = groups.Count;
    }

    private static Split ToSplit(string text) => Enum.Parse<Split>(text, ignoreCase: true);

    private async Task BuildAsync(string path, long bytes, int datasetId, Guid augmentationId, int size, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var built = 0L;
        var unfinished = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = File.OpenHandle(unfinished, FileMode.CreateNew, FileAccess.Write, preallocationSize: bytes))
            {
                var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
                await Parallel.ForEachAsync(EncodedAsync(datasetId, augmentationId, cancellationToken), parallel, (encoded, _) =>
                {
                    var pixels = new byte[size * size * 3];
                    if (!ImageDecoder.TryDecodeToSquare(encoded.Bytes, size, pixels, ImageLimits.Default, out var refusal))
                    {
                        throw new UnusableDatasetException($"{encoded.Name} cannot be decoded: {refusal.Message}");
                    }

                    RandomAccess.Write(file, pixels, encoded.Place * (long)pixels.Length);
                    Interlocked.Add(ref built, pixels.Length);
                    return ValueTask.CompletedTask;
                });
            }

            // Bytes that are gone leave no gap: what comes after them would lie in the wrong places.
            if (built != bytes)
            {
                throw new UnusableDatasetException($"Pictures of dataset {datasetId}, or variants of them, were deleted; make another dataset.");
            }

            File.Move(unfinished, path, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }

        var elapsed = time.GetElapsedTime(started);
        TrainingTelemetry.CacheSeconds.Record(elapsed.TotalSeconds);
        LogBuilt(datasetId, bytes / ((long)size * size * 3), size, elapsed.TotalSeconds);
    }

    private async IAsyncEnumerable<(int Place, string Name, byte[] Bytes)> EncodedAsync(
        int datasetId, Guid augmentationId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var place = 0;
        await using var items = dataSource.CreateCommand(
            "SELECT i.image_id, c.bytes FROM dataset_items i JOIN image_contents c ON c.image_id = i.image_id WHERE i.dataset_id = @dataset ORDER BY i.ordinal");
        items.Parameters.AddWithValue("dataset", datasetId);
        await using (var reader = await items.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                yield return (place++, $"Image {reader.GetGuid(0)}", await reader.GetFieldValueAsync<byte[]>(1, cancellationToken));
            }
        }

        await using var variants = dataSource.CreateCommand("SELECT ordinal, bytes FROM variant_contents WHERE augmentation_id = @augmentation ORDER BY ordinal");
        variants.Parameters.AddWithValue("augmentation", augmentationId);
        await using (var reader = await variants.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                yield return (place++, $"Variant {reader.GetInt32(0)} of augmentation {augmentationId}", await reader.GetFieldValueAsync<byte[]>(1, cancellationToken));
            }
        }
    }

    private void RemoveOldCaches(string current)
    {
        // A worker that builds writes all the time; one that was killed left its file.
        var lately = time.GetUtcNow().UtcDateTime - LongestSilence;
        foreach (var leftover in new DirectoryInfo(options.Value.CacheFolder).GetFiles("*.pixels.*.tmp").Where(file => file.LastWriteTimeUtc < lately))
        {
            leftover.Delete();
        }

        // A file that another worker has mapped stays readable for it until it lets go.
        var others = new DirectoryInfo(options.Value.CacheFolder).GetFiles("*.pixels").Where(file => file.FullName != Path.GetFullPath(current));
        foreach (var file in others.OrderByDescending(file => file.LastWriteTimeUtc).Skip(options.Value.CachesKept - 1))
        {
            file.Delete();
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Dataset {DatasetId}: {Images} pictures decoded to {Size} x {Size} in {Seconds:f1} s")]
    private partial void LogBuilt(int datasetId, long images, int size, double seconds);
}

/// <summary>A dataset on which no run can succeed.</summary>
internal sealed class UnusableDatasetException(string message) : Exception(message);
