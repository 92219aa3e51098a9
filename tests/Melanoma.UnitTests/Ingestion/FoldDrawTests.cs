using System.Collections.Immutable;
using CsCheck;
using Melanoma.Ingestion.Datasets;

namespace Melanoma.UnitTests.Ingestion;

public sealed class FoldDrawTests
{
    private static readonly Gen<(byte[] Sha256, string[] IsicIds)[]> GenGroup =
        Gen.Select(Gen.Byte.Array[32], Gen.Int[0, 9].Array[0, 2], (hash, ids) => (hash, ids.Select(id => $"ISIC_{id}").ToArray())).Array[1, 6];

    // Reference: int(hashlib.sha256(bytes([i]) * 32).hexdigest(), 16) % 5 of Python; mod 100 it is 81, 67, 86, 55, 37, 72.
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(3, 0)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void Should_draw_as_the_documented_rule_when_computed_elsewhere(byte value, int expected)
    {
        var hash = new byte[32];
        Array.Fill(hash, value);

        Assert.Equal(expected, new FoldDraw(5, []).OfGroup([(hash, [])], out _));
    }

    [Fact]
    public void Should_give_one_fold_whatever_the_order_when_a_table_says_anything_of_a_lesion()
    {
        Gen.Select(GenGroup, Gen.Int[2, 6], Gen.Int[0, 5].Array[10]).Sample((group, folds, choices) =>
        {
            var table = choices.Select((fold, id) => (Id: $"ISIC_{id}", Fold: fold)).Where(row => row.Fold < folds).ToImmutableDictionary(row => row.Id, row => row.Fold);
            var draw = new FoldDraw(folds, table);
            var fold = draw.OfGroup(group, out var disagrees);

            Assert.InRange(fold, 0, folds - 1);
            Assert.Equal(fold, draw.OfGroup([.. group.Reverse()], out _));
            var named = group.SelectMany(image => image.IsicIds).Where(table.ContainsKey).Select(id => table[id]).ToHashSet();
            Assert.Equal(named.Count > 1, disagrees);
            Assert.True(named.Count == 0 || named.Contains(fold));
        });
    }

    [Fact]
    public void Should_follow_most_images_when_the_table_disagrees_about_a_lesion()
    {
        var table = new Dictionary<string, int> { ["a"] = 3, ["b"] = 1, ["c"] = 1 }.ToImmutableDictionary();

        Assert.Equal(1, new FoldDraw(4, table).OfGroup([([1], ["a"]), ([2], ["b"]), ([3], ["c"])], out var disagrees));
        Assert.True(disagrees);
        Assert.Equal(1, new FoldDraw(4, table).OfGroup([([1], ["a"]), ([2], ["b"])], out _));
    }
}
