using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What became of a delivery; <c>files</c> is the sum of stored, duplicates, refused, metadata and waiting.</summary>
internal sealed record DeliveryDocument(
    string Delivery, int Files, int Stored, int Duplicates, int NearDuplicates, int Conflicts, int Refused, int Metadata, int Waiting)
{
    /// <param name="delivery">What the service says.</param>
    /// <param name="unreadable">Files that never left this machine.</param>
    public static DeliveryDocument From(Delivery delivery, int unreadable) => new(
        delivery.DeliveryId, delivery.Files + unreadable, delivery.Stored, delivery.Duplicates, NearDuplicates: 0, delivery.Conflicts,
        delivery.Refused + unreadable, Metadata: 0, Waiting: 0);
}
