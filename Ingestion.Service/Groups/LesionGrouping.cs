using Melanoma.Storage.Datasets;

namespace Melanoma.Ingestion.Groups;

/// <summary>A lesion group as it is or will be in the database.</summary>
internal readonly record struct GroupState(Guid Id, Split? Split, bool DeliveredAsTest);

/// <summary>A distinct image that is to be grouped, known to the catalogue or new.</summary>
/// <param name="Keys">What it shares with the other images of its lesion: ISIC ids and lesion ids, see <see cref="GroupKeys"/>.</param>
/// <param name="Groups">Groups that it is in already, or whose images are near-duplicates of it.</param>
/// <param name="NearDuplicates">Positions of images in the same list that are near-duplicates of it.</param>
/// <param name="DeliveredAsTest">Whether a file of it lies in a Test folder.</param>
internal sealed record ImageToGroup(
    IReadOnlyCollection<string> Keys, IReadOnlyCollection<Guid> Groups, IReadOnlyCollection<int> NearDuplicates, bool DeliveredAsTest);

/// <summary>How images fall into groups.</summary>
/// <param name="GroupOfImage">For each image, in the given order, its group.</param>
/// <param name="Created">Groups that are new.</param>
/// <param name="Changed">Groups whose split or origin changed.</param>
/// <param name="Merged">Groups that turned out to be part of another.</param>
internal sealed record Grouping(
    IReadOnlyList<Guid> GroupOfImage,
    IReadOnlyList<GroupState> Created,
    IReadOnlyList<GroupState> Changed,
    IReadOnlyList<(Guid From, Guid Into)> Merged)
{
    /// <summary>Every group whose images may have changed, those that were merged into others included.</summary>
    public IEnumerable<Guid> Touched => GroupOfImage.Concat(Merged.Select(merge => merge.From)).Distinct();
}

/// <summary>
/// Finds which images show one lesion: the same bytes, ISIC id or lesion id, near-duplicates, and whatever that joins further. A pure function.
/// </summary>
internal static class LesionGrouping
{
    /// <summary>Groups images that are delivered together, with what the catalogue knows of them.</summary>
    /// <param name="images">Distinct images.</param>
    /// <param name="groupsByKey">The groups of catalogued images with a key.</param>
    /// <param name="groups">Every group that the first two name.</param>
    /// <param name="newId">Makes the id of a new group.</param>
    public static Grouping Group(
        IReadOnlyList<ImageToGroup> images, ILookup<string, Guid> groupsByKey, IReadOnlyDictionary<Guid, GroupState> groups, Func<Guid> newId)
    {
        var sets = new DisjointSets();
        var nodes = images.Select(_ => sets.Add()).ToArray();
        var groupNodes = new Dictionary<Guid, int>();
        var keyNodes = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < images.Count; i++)
        {
            foreach (var group in images[i].Groups)
                sets.Union(nodes[i], NodeOf(groupNodes, group, sets));
            foreach (var key in images[i].Keys)
                sets.Union(nodes[i], NodeOf(keyNodes, key, sets));
            foreach (var other in images[i].NearDuplicates)
                sets.Union(nodes[i], nodes[other]);
        }

        foreach (var (key, node) in keyNodes)
        {
            foreach (var group in groupsByKey[key])
                sets.Union(node, NodeOf(groupNodes, group, sets));
        }

        var before = groupNodes.ToLookup(pair => sets.Find(pair.Value), pair => groups[pair.Key]);
        var created = new List<GroupState>();
        var changed = new List<GroupState>();
        var merged = new List<(Guid From, Guid Into)>();
        var result = new Dictionary<int, Guid>();
        foreach (var lesion in Enumerable.Range(0, images.Count).GroupBy(i => sets.Find(nodes[i])))
        {
            var parts = before[lesion.Key].OrderBy(part => part.Id).ToList();
            var state = Combine(parts, lesion.Any(i => images[i].DeliveredAsTest), parts.Count > 0 ? parts[0].Id : newId());
            result.Add(lesion.Key, state.Id);
            if (parts.Count == 0)
                created.Add(state);
            else if (state != parts[0])
                changed.Add(state);
            merged.AddRange(parts.Skip(1).Select(part => (part.Id, state.Id)));
        }

        return new Grouping([.. nodes.Select(node => result[sets.Find(node)])], created, changed, merged);
    }

    // A split is for ever; only test can replace another one, because what was tested on must not be trained on again.
    private static GroupState Combine(IReadOnlyList<GroupState> parts, bool deliveredAsTest, Guid id)
    {
        deliveredAsTest |= parts.Any(part => part.DeliveredAsTest);
        var splits = parts.Select(part => part.Split).OfType<Split>().Distinct().ToList();
        Split? split = splits switch
        {
            [] => null,
            [var only] when !deliveredAsTest => only,
            _ => Split.Test,
        };
        return new GroupState(id, split, deliveredAsTest);
    }

    private static int NodeOf<TKey>(Dictionary<TKey, int> nodes, TKey key, DisjointSets sets)
        where TKey : notnull
    {
        if (!nodes.TryGetValue(key, out var node))
            nodes.Add(key, node = sets.Add());
        return node;
    }

    private sealed class DisjointSets
    {
        private readonly List<int> _parents = [];

        public int Add()
        {
            _parents.Add(_parents.Count);
            return _parents.Count - 1;
        }

        public int Find(int node)
        {
            while (_parents[node] != node)
                node = _parents[node] = _parents[_parents[node]];
            return node;
        }

        public void Union(int a, int b) => _parents[Find(a)] = Find(b);
    }
}
