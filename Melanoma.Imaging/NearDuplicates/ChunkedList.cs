namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A list that grows without copying what it holds and wastes at most one chunk.</summary>
internal sealed class ChunkedList<T>
{
    private const int ChunkBits = 13;
    private const int ChunkLength = 1 << ChunkBits;

    private readonly List<T[]> _chunks = [];

    public int Count { get; private set; }

    public int Capacity => _chunks.Count * ChunkLength;

    public ref T this[int index] => ref _chunks[index >> ChunkBits][index & (ChunkLength - 1)];

    public void Add(in T item)
    {
        if (Count == Capacity)
            _chunks.Add(new T[ChunkLength]);
        this[Count++] = item;
    }
}
