using System.Buffers.Binary;
using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Datasets;

/// <summary>A row that a dataset is to have.</summary>
internal sealed record SnapshotRow(Guid ImageId, byte[] Sha256, DiagnosisSet Label, Split Split, Guid? GroupId, long? DeliveryFileId)
{
    /// <summary>The fold of its group, counted from 0; null but in a cross-validation.</summary>
    public int? Fold { get; init; }
}

/// <summary>What a dataset is to hold: its rows in order, what was left out, and the rules in sentences.</summary>
internal sealed record SnapshotContent(DatasetKind Kind, IReadOnlyList<SnapshotRow> Rows, int Parked, IReadOnlyList<string> Rules)
{
    /// <summary>The only licences whose images were taken; null when any were.</summary>
    public string[]? Licences { get; init; }

    /// <summary>How many folds a cross-validation has; 0 for other kinds.</summary>
    public int Folds { get; init; }

    /// <summary>How many were left out by reason, as it is stored: see <see cref="Datasets.LeftOut"/>.</summary>
    public string LeftOut { get; init; } = "{}";

    /// <summary>
    /// SHA-256 over the rows in order: 32 bytes image SHA-256, 2 bytes label bits (big-endian), 1 byte split (0 train, 1 validation,
    /// 2 test), and where the row has a group, 32 bytes: the smallest image SHA-256 of the group's rows, because ids are drawn anew in each database.
    /// In a cross-validation a byte for the fold comes behind that.
    /// </summary>
    public byte[] ComputeHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> tail = stackalloc byte[3];
        var smallest = new Dictionary<Guid, byte[]>();
        foreach (var row in Rows)
        {
            if (row.GroupId is { } group && (!smallest.TryGetValue(group, out var least) || row.Sha256.AsSpan().SequenceCompareTo(least) < 0))
                smallest[group] = row.Sha256;
        }

        foreach (var row in Rows)
        {
            hash.AppendData(row.Sha256);
            BinaryPrimitives.WriteInt16BigEndian(tail, row.Label.Bits);
            tail[2] = (byte)row.Split;
            hash.AppendData(tail);
            if (row.GroupId is { } group)
                hash.AppendData(smallest[group]);
            if (row.Fold is { } fold)
                hash.AppendData([(byte)fold]);
        }

        return hash.GetHashAndReset();
    }

    /// <summary>Why nothing could be trained on it; null when something can. A test split may be empty: then the model has no test figures, and a person decides about it.</summary>
    public string? FindObstacle()
    {
        var labels = Rows.Where(row => row.Split == Split.Train).Select(row => row.Label).ToList();
        if (Kind == DatasetKind.CrossValidation)
            return FindObstacleOfFolds();
        if (labels.Distinct().Count() > 1)
            return Rows.Any(row => row.Split == Split.Validation) ? null : NoValidation();
        var found = labels.Count == 0 ? "no training image" : $"training images of one diagnosis only ({labels[0]})";
        return Kind == DatasetKind.Honest
            ? $"The catalogue gives {found}; {Parked} images are parked because their claims contradict each other. Deliver labelled images of at least two diagnoses in folders Train/CLASS."
            : $"The catalogue gives {found}. A reproduction is made of delivered files in folders Train/CLASS and Test/CLASS; deliver some of at least two diagnoses.";
    }

    private string? FindObstacleOfFolds()
    {
        for (var fold = 0; fold < Folds; fold++)
        {
            var others = Rows.Where(row => row.Fold != fold).Select(row => row.Label).Distinct().Count();
            if (others < 2 || Rows.All(row => row.Fold != fold))
                return $"No network can be trained for fold {fold} of {Folds} and asked about it: it has {Rows.Count(row => row.Fold == fold)} images, and the others have {others} different labels. Deliver more labelled images, or ask for fewer folds.";
        }

        return null;
    }

    private string NoValidation() => Kind == DatasetKind.Honest
        ? "The catalogue gives no validation image: about 15 of 100 lesions are drawn for validation, and none of these few was. Deliver more labelled images in folders Train/CLASS."
        : "The catalogue gives no validation image: a fifth of the files below Train is taken for validation, so at least five are needed there.";
}
