using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Samples;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Datasets;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.IntegrationTests.Augmentation;

/// <summary>Datasets of synthetic lesions, written straight into the tables: what augmentation and runs see of ingestion.</summary>
internal static class DatasetRows
{
    /// <summary>Inserts an honest dataset, each image a group of its own, and returns its number.</summary>
    public static Task<int> InsertHonestAsync(
        NpgsqlDataSource source, IReadOnlyList<(DiagnosisSet Label, Split Split)> rows, CancellationToken cancellationToken, int size = 48) =>
        InsertAsync(source, DatasetKind.Honest, rows, size, cancellationToken);

    /// <summary>Inserts a reproduction dataset, each row a file of one delivery, and returns its number.</summary>
    public static Task<int> InsertReproductionAsync(
        NpgsqlDataSource source, IReadOnlyList<(DiagnosisSet Label, Split Split)> rows, CancellationToken cancellationToken, int size = 48) =>
        InsertAsync(source, DatasetKind.Reproduction, rows, size, cancellationToken);

    /// <summary>As many rows as asked for of each diagnosis in a split.</summary>
    public static IEnumerable<(DiagnosisSet Label, Split Split)> Rows(Split split, int each, params Diagnosis[] diagnoses) =>
        diagnoses.SelectMany(diagnosis => Enumerable.Repeat((DiagnosisSet.Of(diagnosis), split), each));

    private static async Task<int> InsertAsync(
        NpgsqlDataSource source, DatasetKind kind, IReadOnlyList<(DiagnosisSet Label, Split Split)> rows, int size, CancellationToken cancellationToken)
    {
        await using var database = Context(source);
        var dataset = new Dataset
        {
            Kind = kind,
            CreatedAt = DateTimeOffset.UtcNow,
            ContentHash = RandomNumberGenerator.GetBytes(32),
            Rules = ["rows of a test"],
            Parked = 0,
        };
        database.Add(dataset);
        await database.SaveChangesAsync(cancellationToken);

        var delivery = new Delivery { Id = Guid.CreateVersion7(), Name = "test", State = DeliveryState.Completed, DeliveredBy = "test", ReceivedAt = DateTimeOffset.UtcNow };
        database.Add(delivery);
        var bytes = new byte[rows.Count][];
        Parallel.For(0, rows.Count, row => bytes[row] = SyntheticLesions.DrawJpeg((int)rows[row].Label.Members.First(), (dataset.Id * 1000) + row, size));
        for (var row = 0; row < rows.Count; row++)
        {
            await AddAsync(database, dataset, delivery, row, rows[row].Label, rows[row].Split, bytes[row], size, cancellationToken);
        }

        await database.SaveChangesAsync(cancellationToken);
        return dataset.Id;
    }

    private static async Task AddAsync(
        MelanomaDbContext database, Dataset dataset, Delivery delivery, int ordinal, DiagnosisSet label, Split split, byte[] bytes, int size,
        CancellationToken cancellationToken)
    {
        var group = new LesionGroup { Id = Guid.CreateVersion7(), Split = split };
        var image = new Image
        {
            Id = Guid.CreateVersion7(),
            Sha256 = SHA256.HashData(bytes),
            GroupId = group.Id,
            DeliveryId = delivery.Id,
            MediaType = "image/jpeg",
            Width = size,
            Height = size,
            SizeBytes = bytes.Length,
            ReceivedAt = DateTimeOffset.UtcNow,
            LabelState = LabelState.Settled,
            Label = label,
        };
        database.AddRange(group, image, new ImageContent { ImageId = image.Id, Bytes = bytes });
        DeliveryFile? file = null;
        if (dataset.Kind == DatasetKind.Reproduction)
        {
            file = new DeliveryFile { DeliveryId = delivery.Id, Path = $"Train/{ordinal}.jpg", Outcome = FileOutcome.Stored, ImageId = image.Id, SizeBytes = bytes.Length };
            database.Add(file);
            await database.SaveChangesAsync(cancellationToken);
        }
        else
        {
            database.Add(new DatasetGroup { DatasetId = dataset.Id, Kind = dataset.Kind, GroupId = group.Id, Split = split });
        }

        database.Add(new DatasetItem
        {
            DatasetId = dataset.Id,
            Ordinal = ordinal,
            Kind = dataset.Kind,
            Split = split,
            GroupId = file is null ? group.Id : null,
            ImageId = image.Id,
            DeliveryFileId = file?.Id,
            Label = label,
        });
    }

    internal static MelanomaDbContext Context(NpgsqlDataSource source)
    {
        var options = new DbContextOptionsBuilder<MelanomaDbContext>();
        options.UseMelanoma(source);
        return new MelanomaDbContext(options.Options);
    }
}
