using Melanoma.Contracts.V1;

namespace Melanoma.Inference.Audit;

/// <summary>A walk along the chain, seal by seal: what must come next, and what is wrong with what comes.</summary>
internal sealed class ChainWalk(ChainEnd start, Dictionary<string, long> sequences, ChainEnd? noted, AuditDefects defects)
{
    /// <summary>The first position that is kept.</summary>
    public long First { get; } = start.Position + 1;

    /// <summary>The position that was taken last.</summary>
    public long Position { get; private set; } = start.Position;

    /// <summary>Its hash, as its seal says.</summary>
    public byte[] Hash { get; private set; } = start.Hash;

    /// <summary>Rows that were checked.</summary>
    public long Checked { get; private set; }

    /// <summary>Takes the next seal.</summary>
    /// <param name="sealed">The seal and its row.</param>
    /// <param name="next">What follows; null for nothing. It tells a changed row from a changed seal.</param>
    public void Take(SealedRow @sealed, SealedRow? next)
    {
        var (seal, row) = @sealed;
        var follows = seal.Position == Position + 1;
        if (!follows)
        {
            defects.Add(AuditDefectKind.SealMissing, Position + 1, id: null, seal.Position == Position + 2
                ? $"Position {Position + 1} has no seal."
                : $"Positions {Position + 1} to {seal.Position - 1} have no seal.");
        }

        if (row is null)
        {
            defects.Add(AuditDefectKind.RowMissing, seal.Position, seal.PredictionId, $"The row of position {seal.Position}, prediction {seal.PredictionId}, is missing.");
        }
        else if (HasItsSequence(seal, row.Tenant, follows) && follows)
        {
            CheckHash(seal, row, next);
        }

        defects.Compare(noted, seal.Position, seal.Hash, seal.PredictionId);
        sequences[seal.Tenant] = seal.TenantSequence;
        (Position, Hash) = (seal.Position, seal.Hash);
        Checked++;
    }

    // Where the seal before is missing, the feed may have its gap there: that was said.
    private bool HasItsSequence(Storage.Predictions.PredictionSeal seal, string tenant, bool follows)
    {
        var expected = sequences.GetValueOrDefault(seal.Tenant) + 1;
        if (seal.Tenant != tenant)
        {
            defects.Add(AuditDefectKind.SequenceWrong, seal.Position, seal.PredictionId, $"The seal of position {seal.Position} names a tenant that is not the row's.");
            return false;
        }

        if (seal.TenantSequence == expected || (!follows && seal.TenantSequence > expected))
        {
            return true;
        }

        defects.Add(
            AuditDefectKind.SequenceWrong, seal.Position, seal.PredictionId,
            $"Position {seal.Position} has sequence {seal.TenantSequence} in its tenant's feed, where {expected} must stand.");
        return false;
    }

    private void CheckHash(Storage.Predictions.PredictionSeal seal, Storage.Predictions.Prediction row, SealedRow? next)
    {
        if (seal.Form != SealForm.Current)
        {
            defects.Add(AuditDefectKind.HashWrong, seal.Position, seal.PredictionId, $"The seal of position {seal.Position} has form {seal.Form}, which this version does not know.");
            return;
        }

        var hash = SealForm.Hash(Hash, seal.Position, seal.TenantSequence, row);
        if (hash.AsSpan().SequenceEqual(seal.Hash))
        {
            return;
        }

        if (Continues(seal.Hash))
        {
            defects.Add(AuditDefectKind.RowChanged, seal.Position, seal.PredictionId, $"The row of position {seal.Position}, prediction {seal.PredictionId}, is not what was sealed.");
        }
        else
        {
            defects.Add(AuditDefectKind.HashWrong, seal.Position, seal.PredictionId, Continues(hash)
                ? $"The hash in the seal of position {seal.Position} was changed; the row, prediction {seal.PredictionId}, is what was sealed."
                : $"The hash of position {seal.Position} is not that of its row, prediction {seal.PredictionId}, and the hash before it: one of them was changed.");
        }

        bool Continues(byte[] candidate) => next is { Row: { } row, Seal: { } after } && after.Position == seal.Position + 1
            && SealForm.Hash(candidate, after.Position, after.TenantSequence, row).AsSpan().SequenceEqual(after.Hash);
    }
}

/// <summary>What is wrong: how much, and the first of it.</summary>
internal sealed class AuditDefects
{
    private const int MaxFirst = 100;

    /// <summary>The first, in the order in which they were found.</summary>
    public List<AuditDefect> First { get; } = [];

    /// <summary>How many there are.</summary>
    public long Count { get; private set; }

    public void Add(AuditDefectKind kind, long position, Guid? id, string message)
    {
        Count++;
        if (First.Count < MaxFirst)
        {
            First.Add(new AuditDefect { Kind = kind, Position = position, PredictionId = id?.ToString() ?? "", Message = message });
        }
    }

    /// <summary>Compares the hash of a position with what was noted of it, if that is it.</summary>
    public void Compare(ChainEnd? noted, long position, byte[] hash, Guid? id)
    {
        if (noted?.Position == position && !noted.Hash.AsSpan().SequenceEqual(hash))
        {
            Add(AuditDefectKind.NotAsNoted, position, id, $"Position {position} does not have the hash that was noted: the chain was computed anew, or the note is of another installation.");
        }
    }
}
