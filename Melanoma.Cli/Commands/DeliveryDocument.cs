using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What became of a delivery; <c>files</c> is the sum of stored, duplicates, refused, metadata and waiting.</summary>
internal sealed record DeliveryDocument(
    string Delivery,
    int Files,
    int Stored,
    int Duplicates,
    int NearDuplicates,
    int Conflicts,
    int Refused,
    int Metadata,
    int Waiting,
    IReadOnlyList<string> Findings,
    IReadOnlyDictionary<string, int> Quality,
    DatasetChangeDocument? DatasetChange)
{
    public static DeliveryDocument From(Delivery delivery) => new(
        delivery.DeliveryId, delivery.Files, delivery.Stored, delivery.Duplicates, delivery.NearDuplicates, delivery.Conflicts,
        delivery.Refused, delivery.Metadata, delivery.Waiting, [.. delivery.Findings],
        delivery.Quality.ToDictionary(row => row.Flag, row => row.Count), DatasetChangeDocument.From(delivery.DatasetChange));
}

/// <summary>How the next honest dataset would differ from the newest one.</summary>
internal sealed record DatasetChangeDocument(
    int? ComparedWith, int Added, IReadOnlyDictionary<string, int> AddedClasses, int Removed, int Relabelled, int Moved, bool RunProposed)
{
    public static DatasetChangeDocument? From(DatasetChange? change) => change is null ? null : new(
        change.HasComparedWith ? change.ComparedWith : null, change.Added, change.AddedClasses.ToDictionary(row => row.Diagnosis, row => row.Count),
        change.Removed, change.Relabelled, change.Moved, change.RunProposed);
}
