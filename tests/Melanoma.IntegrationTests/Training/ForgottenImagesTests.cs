using Melanoma.Contracts;
using Melanoma.IntegrationTests.Augmentation;
using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Melanoma.Training;
using Melanoma.Training.Images;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.IntegrationTests.Training;

public sealed class ForgottenImagesTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_refuse_the_dataset_and_drop_its_pixels_when_an_image_was_forgotten()
    {
        var database = await servers.CreateMigratedDatabaseAsync(Cancellation);
        await using var source = NpgsqlDataSource.Create(database);
        var (touched, other) = (await AugmentedAsync(), await AugmentedAsync());
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        try
        {
            var images = new DatasetImages(
                source, new ForgottenImages(source, NullLogger<ForgottenImages>.Instance),
                Options.Create(new TrainingOptions { CacheFolder = folder.FullName }), TimeProvider.System, NullLogger<DatasetImages>.Instance);
            foreach (var (dataset, augmentation) in new[] { touched, other })
                (await images.LoadAsync(dataset, augmentation, 16, leastLesions: 1, heldOut: null, Cancellation)).Images.Dispose();
            Assert.Equal(2, folder.GetFiles("*.pixels").Length);
            foreach (var (_, augmentation) in new[] { touched, other })
                await File.WriteAllBytesAsync(Path.Combine(folder.FullName, $"{augmentation:N}-16.pixels.unfinished.tmp"), [1], Cancellation);
            const string Forget = "UPDATE images SET forgotten_at = now() WHERE id = (SELECT image_id FROM dataset_items WHERE dataset_id = $1 AND ordinal = 0)";
            await using (var forget = source.CreateCommand(Forget))
            {
                forget.Parameters.Add(new() { Value = touched.Dataset });
                await forget.ExecuteNonQueryAsync(Cancellation);
            }

            var refusal = await Assert.ThrowsAsync<UnusableDatasetException>(() => images.LoadAsync(touched.Dataset, touched.Augmentation, 16, leastLesions: 1, heldOut: null, Cancellation));

            Assert.Contains("1 images of dataset 1 were forgotten", refusal.Message, StringComparison.Ordinal);
            var left = folder.GetFiles();
            Assert.Equal(2, left.Length);
            Assert.All(left, file => Assert.StartsWith(other.Augmentation.ToString("N"), file.Name, StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        async Task<(int Dataset, Guid Augmentation)> AugmentedAsync()
        {
            var rows = Enum.GetValues<Split>().SelectMany(split => DatasetRows.Rows(split, 1, Diagnosis.Nevus)).ToList();
            var dataset = await DatasetRows.InsertHonestAsync(source, rows, Cancellation);
            await using var insert = source.CreateCommand("""
                INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at, completed_at)
                VALUES (gen_random_uuid(), $1, 'honest', 'none', 0, 1, 0, now(), now()) RETURNING id
                """);
            insert.Parameters.Add(new() { Value = dataset });
            return (dataset, (Guid)(await insert.ExecuteScalarAsync(Cancellation))!);
        }
    }
}
