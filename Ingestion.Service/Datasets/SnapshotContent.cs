using System.Buffers.Binary;
using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Datasets;

/// <summary>A row that a dataset is to have.</summary>
internal sealed record SnapshotRow(Guid ImageId, byte[] Sha256, DiagnosisSet Label, Split Split, Guid? GroupId, long? DeliveryFileId);

/// <summary>What a dataset is to hold: its rows in order, what was left out, and the rules in sentences.</summary>
internal sealed record SnapshotContent(DatasetKind Kind, IReadOnlyList<SnapshotRow> Rows, int Parked, IReadOnlyList<string> Rules)
{
    /// <summary>SHA-256 over the rows in order: 32 bytes image SHA-256, 2 bytes label bits (big-endian), 1 byte split (0 train, 1 validation, 2 test).</summary>
    public byte[] ComputeHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> tail = stackalloc byte[3];
        foreach (var row in Rows)
        {
            hash.AppendData(row.Sha256);
            BinaryPrimitives.WriteInt16BigEndian(tail, row.Label.Bits);
            tail[2] = (byte)row.Split;
            hash.AppendData(tail);
        }

        return hash.GetHashAndReset();
    }

    /// <summary>Why nothing could be trained on it; null when something can.</summary>
    public string? FindObstacle()
    {
        var labels = Rows.Where(row => row.Split == Split.Train).Select(row => row.Label).ToList();
        if (labels.Count > 0 && labels.Distinct().Count() > 1)
            return null;
        var found = labels.Count == 0 ? "no training image" : $"training images of one diagnosis only ({labels[0]})";
        return Kind == DatasetKind.Honest
            ? $"The catalogue gives {found}; {Parked} images are parked because their claims contradict each other. Deliver labelled images of at least two diagnoses in folders Train/CLASS."
            : $"The catalogue gives {found}. A reproduction is made of delivered files in folders Train/CLASS and Test/CLASS; deliver some of at least two diagnoses.";
    }
}
