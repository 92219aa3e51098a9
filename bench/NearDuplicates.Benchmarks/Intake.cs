using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>A pair that ingestion would have reported.</summary>
internal sealed record FoundPair(Picture Newer, Picture Older, NearDuplicateMatch Match);

/// <summary>Takes pictures in as ingestion would: each is sought among those before it, compared with what is named, then added.</summary>
internal sealed class Intake
{
    /// <summary>Other than the default only to look at what lies below it.</summary>
    public static double Threshold { get; set; } = NearDuplicateVerifier.DefaultThreshold;

    private readonly NearDuplicateIndex _index = new();
    private readonly Dictionary<Guid, Picture> _pictures = [];

    public List<FoundPair> Found { get; } = [];

    public int Count => _index.Count;

    public long Candidates { get; private set; }

    public long Sought { get; private set; }

    public void Take(Picture picture)
    {
        Found.AddRange(Seek(picture));
        _index.Add(picture.Id, picture.Signature);
        _pictures.Add(picture.Id, picture);
    }

    public IReadOnlyList<FoundPair> Seek(Picture picture)
    {
        var candidates = _index.Candidates(picture.Signature);
        Candidates += candidates.Count;
        Sought++;
        var found = new List<FoundPair>();
        foreach (var id in candidates)
        {
            var match = NearDuplicateVerifier.Compare(picture.Signature, _pictures[id].Signature, Threshold);
            if (match.IsMatch)
                found.Add(new(picture, _pictures[id], match));
        }

        return found;
    }
}
