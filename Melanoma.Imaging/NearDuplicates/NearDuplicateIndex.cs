using System.Runtime.InteropServices;

namespace Melanoma.Imaging.NearDuplicates;

/// <summary>
/// Finds the few pictures that may be near-duplicates of another among very many, in memory: a hash table over the coarse look (<see cref="WaveKey"/>) of three windows a picture.
/// About 130 bytes a picture. What it names is to be verified with <see cref="NearDuplicateVerifier"/>. Not safe for use from several threads while one adds.
/// </summary>
public sealed class NearDuplicateIndex
{
    /// <summary>Length in bytes of what <see cref="KeysOf"/> gives.</summary>
    public const int KeysByteCount = 1 + (FrameWindow.StoredCount * WaveKey.Length);

    /// <summary>Most candidates that one look-up names unless told otherwise.</summary>
    public const int DefaultMost = 16;

    private const byte KeysVersion = 1;

    // A copy cut 2 % otherwise than a window stays below, and so do next to no two different pictures.
    private const int MaxDistance = 400;

    // Below this a picture has no look to be known by (blank, black), and would be a candidate of all of its kind.
    private const int MinLength = 300;

    // How near to mirror-symmetric or square-symmetric a key may be before it is sought in both positions.
    private const int Ambiguous = 3;

    // Pictures of one and the same key that are kept.
    private const int MostEqual = 32;

    private const int FirstBits = 10;

    private readonly ChunkedList<Guid> _ids = new();
    private readonly ChunkedList<Entry> _entries = new();
    private int _bits = FirstBits;
    private int[] _heads = NewHeads(FirstBits);

    /// <summary>How many pictures are in the index.</summary>
    public int Count => _ids.Count;

    /// <summary>Bytes that the index holds.</summary>
    public long ByteCount => (_heads.Length * (long)sizeof(int)) + (_entries.Capacity * (long)Marshal.SizeOf<Entry>()) + (_ids.Capacity * 16L);

    /// <summary>The keys of a picture, to be kept where an index shall be rebuilt without its signature.</summary>
    /// <param name="signature">The picture.</param>
    /// <returns><see cref="KeysByteCount"/> bytes: the version, then three keys.</returns>
    public static byte[] KeysOf(PictureSignature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        var bytes = new byte[KeysByteCount];
        bytes[0] = KeysVersion;
        MemoryMarshal.AsBytes(signature.Keys.Stored.Keys.AsSpan()).CopyTo(bytes.AsSpan(1));
        return bytes;
    }

    /// <summary>Adds a picture. The same id may be added again with another picture; it is then found by both.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="signature">Its signature.</param>
    public void Add(Guid id, PictureSignature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        Add(id, signature.Keys.Stored.Keys);
    }

    /// <summary>Adds a picture by its kept keys.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="keys">What <see cref="KeysOf"/> gave.</param>
    /// <returns>False, and nothing added, where the bytes are no keys of this version.</returns>
    public bool TryAdd(Guid id, ReadOnlySpan<byte> keys)
    {
        if (keys.Length != KeysByteCount || keys[0] != KeysVersion || keys[1..].ContainsAnyInRange((byte)(WaveKey.Limit + 1), (byte)(255 - WaveKey.Limit)))
            return false;
        Add(id, MemoryMarshal.Cast<byte, WaveKey>(keys[1..]));
        return true;
    }

    /// <summary>Names the pictures that may be near-duplicates.</summary>
    /// <param name="signature">The picture to compare with all others.</param>
    /// <param name="most">At most so many, the most alike.</param>
    /// <returns>Ids, the most alike first and equals by id: the same whatever the order of adding. A picture that was added is its own candidate.</returns>
    public IReadOnlyList<Guid> Candidates(PictureSignature signature, int most = DefaultMost)
    {
        ArgumentNullException.ThrowIfNull(signature);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        Dictionary<Guid, int>? found = null;
        foreach (ref readonly var key in signature.Keys.Sought.Keys.AsSpan())
        {
            if (!HasLook(key))
                continue;
            for (var index = 0; index < Symmetry.Count; index++)
            {
                if (IsUpright(key, new(index), Ambiguous))
                    Seek(key.Under(new(index)), ref found);
            }
        }

        if (found is null)
            return [];
        return [.. found.OrderBy(pair => pair.Value).ThenBy(pair => pair.Key).Take(most).Select(pair => pair.Key)];
    }

    private static int[] NewHeads(int bits)
    {
        var heads = new int[1 << bits];
        Array.Fill(heads, -1);
        return heads;
    }

    private static bool HasLook(in WaveKey key) => WaveKey.Distance(key, default) >= MinLength;

    // Of the eight positions of a picture, the one in which both first waves rise and the one across is the larger.
    private static bool IsUpright(in WaveKey key, Symmetry symmetry, int slack)
    {
        var (across, down) = symmetry.Swaps ? (key.Down, key.Across) : (key.Across, key.Down);
        across = symmetry.MirrorsAcross ? -across : across;
        down = symmetry.MirrorsDown ? -down : down;
        return across >= -slack && down >= -slack && across - down >= -slack;
    }

    private static WaveKey Upright(in WaveKey key)
    {
        var index = 0;
        while (!IsUpright(key, new(index), 0))
            index++;
        return key.Under(new(index));
    }

    private void Add(Guid id, ReadOnlySpan<WaveKey> keys)
    {
        var picture = _ids.Count;
        _ids.Add(id);
        foreach (ref readonly var key in keys)
        {
            if (!HasLook(key))
                continue;
            var upright = Upright(key);
            var address = KeyCell.Of(upright);
            if (_entries.Count == _heads.Length)
                Grow();
            ref var head = ref _heads[address >> (32 - _bits)];
            if (IsCrowded(head, upright))
                continue;
            _entries.Add(new Entry { Key = upright, Picture = picture, Next = head });
            head = _entries.Count - 1;
        }
    }

    // Thousands of copies of one picture would make each look-up walk all of them; any of them leads to the rest.
    private bool IsCrowded(int first, in WaveKey key)
    {
        var equal = 0;
        for (var at = first; at >= 0 && equal < MostEqual; at = _entries[at].Next)
            equal += WaveKey.Distance(key, _entries[at].Key) == 0 ? 1 : 0;
        return equal == MostEqual;
    }

    private void Grow()
    {
        _bits++;
        _heads = NewHeads(_bits);
        for (var i = 0; i < _entries.Count; i++)
        {
            ref var entry = ref _entries[i];
            ref var head = ref _heads[KeyCell.Of(entry.Key) >> (32 - _bits)];
            entry.Next = head;
            head = i;
        }
    }

    private void Seek(in WaveKey key, ref Dictionary<Guid, int>? found)
    {
        Span<uint> addresses = stackalloc uint[KeyCell.MaxProbes];
        Span<int> chains = stackalloc int[KeyCell.MaxProbes];
        var count = 0;

        // All heads before the first entry: the processor fetches them from memory at the same time, and most are empty.
        foreach (var address in addresses[..KeyCell.Probes(key, addresses)])
        {
            var head = _heads[address >> (32 - _bits)];
            chains[count] = head;
            count += head >= 0 ? 1 : 0;
        }

        foreach (var chain in chains[..count])
        {
            for (var at = chain; at >= 0;)
            {
                ref var entry = ref _entries[at];
                var distance = WaveKey.Distance(key, entry.Key);
                if (distance <= MaxDistance)
                {
                    ref var best = ref CollectionsMarshal.GetValueRefOrAddDefault(found ??= [], _ids[entry.Picture], out var known);
                    best = known ? Math.Min(best, distance) : distance;
                }

                at = entry.Next;
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public WaveKey Key;
        public int Picture;
        public int Next;
    }
}
