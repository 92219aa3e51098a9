using CsCheck;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

public sealed class NearDuplicateIndexTests
{
    private const int Lesions = 60;
    private static readonly PictureSignature[] Signatures = [.. Enumerable.Range(0, Lesions).Select(seed => Copies.SignatureOf(Copies.Lesion(seed)))];
    private static readonly Guid[] Ids = [.. Enumerable.Range(0, Lesions).Select(i => new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))];

    [Fact]
    public void Should_name_nearly_every_original_when_copies_are_sought()
    {
        const int Pictures = 120;
        var index = Filled(Enumerable.Range(0, Lesions));
        var random = new Random(1);
        var named = 0;
        for (var i = 0; i < Pictures; i++)
        {
            // Up to 5 % a side across and 7 % down.
            var cut = random.Next(13);
            var copy = PictureCopies.Cut(Copies.Lesion(i % Lesions), cut, cut, cut, cut);
            copy = Copies.Compressed(PictureCopies.Turned(random.Next(2) == 0 ? PictureCopies.Mirrored(copy) : copy, random.Next(4)), random.Next(60, 101));
            named += index.Candidates(Copies.SignatureOf(copy)).Contains(Ids[i % Lesions]) ? 1 : 0;
        }

        Assert.InRange(named, Pictures * 97 / 100, Pictures);
    }

    [Fact]
    public void Should_name_the_same_in_the_same_order_when_pictures_come_in_another_order()
    {
        var index = Filled(Enumerable.Range(0, Lesions));
        Gen.Shuffle(Enumerable.Range(0, Lesions).ToArray()).Sample(order =>
        {
            var other = Filled(order);
            foreach (var signature in Signatures)
                Assert.Equal(index.Candidates(signature), other.Candidates(signature));
        }, iter: 5);
    }

    [Fact]
    public void Should_name_the_same_when_it_is_rebuilt_from_kept_keys()
    {
        var index = Filled(Enumerable.Range(0, Lesions));
        var rebuilt = new NearDuplicateIndex();
        for (var i = 0; i < Lesions; i++)
            Assert.True(rebuilt.TryAdd(Ids[i], NearDuplicateIndex.KeysOf(Signatures[i])));
        Assert.Equal(Lesions, rebuilt.Count);
        foreach (var signature in Signatures)
            Assert.Equal(index.Candidates(signature), rebuilt.Candidates(signature));
    }

    [Fact]
    public void Should_add_nothing_when_kept_keys_are_malformed()
    {
        var index = new NearDuplicateIndex();
        var keys = NearDuplicateIndex.KeysOf(Signatures[0]);
        Gen.Byte.Array[0, 2 * keys.Length].Where(bytes => bytes.Length != keys.Length || bytes[0] != keys[0])
            .Sample(bytes => Assert.False(index.TryAdd(Ids[0], bytes)), iter: 500, threads: 1);
        Gen.Select(Gen.Int[1, keys.Length - 1], Gen.Byte[91, 165]).Sample((at, value) =>
        {
            var other = (byte[])keys.Clone();
            other[at] = value;
            Assert.False(index.TryAdd(Ids[0], other));
        }, threads: 1);
        Assert.Equal(0, index.Count);
    }

    [Fact]
    public void Should_name_nobody_when_pictures_are_blank()
    {
        var index = new NearDuplicateIndex();
        foreach (var id in Ids)
            index.Add(id, PictureSignature.Compute(TestPictures.Flat(PictureSignature.SourceSide, PictureSignature.SourceSide, (byte)id.ToByteArray()[0], 100, 100), 4, 3));
        Assert.Equal(Lesions, index.Count);
        Assert.Empty(index.Candidates(PictureSignature.Compute(TestPictures.Flat(PictureSignature.SourceSide, PictureSignature.SourceSide, 30, 100, 100), 4, 3)));
    }

    [Fact]
    public void Should_name_no_more_than_asked_when_many_are_alike()
    {
        var index = new NearDuplicateIndex();
        foreach (var id in Ids)
            index.Add(id, Signatures[0]);
        Assert.Equal(Ids.Order().Take(NearDuplicateIndex.DefaultMost), index.Candidates(Signatures[0]));
        Assert.Equal(Ids.Order().Take(3), index.Candidates(Signatures[0], 3));
    }

    [Fact]
    public void Should_hold_less_than_200_bytes_a_picture_when_it_is_large()
    {
        const int Pictures = 50_000;
        var index = new NearDuplicateIndex();
        var keys = Signatures.Select(NearDuplicateIndex.KeysOf).ToArray();
        var random = new Random(1);
        for (var i = 0; i < Pictures; i++)
        {
            // Strangers: every number of a key of its own size, with another sign.
            var other = (byte[])keys[i % Lesions].Clone();
            for (var at = 1; at < other.Length; at++)
                other[at] = (byte)(sbyte)(random.Next(2) == 0 ? -(sbyte)other[at] : (sbyte)other[at]);
            Assert.True(index.TryAdd(Guid.NewGuid(), other));
        }

        Assert.InRange(index.ByteCount / (double)Pictures, 50, 200);
    }

    private static NearDuplicateIndex Filled(IEnumerable<int> order)
    {
        var index = new NearDuplicateIndex();
        foreach (var i in order)
            index.Add(Ids[i], Signatures[i]);
        return index;
    }
}
