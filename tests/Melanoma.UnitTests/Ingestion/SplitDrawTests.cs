using CsCheck;
using Melanoma.Contracts;
using Melanoma.Ingestion.Datasets;
using Melanoma.Storage.Datasets;

namespace Melanoma.UnitTests.Ingestion;

public sealed class SplitDrawTests
{
    // Reference: int(hashlib.sha256(bytes([i]) * 32).hexdigest(), 16) % 100 of Python gives 81, 67, 86, 55, 37, 72.
    [Theory]
    [InlineData(0, Split.Validation)]
    [InlineData(1, Split.Train)]
    [InlineData(2, Split.Test)]
    [InlineData(3, Split.Train)]
    [InlineData(5, Split.Validation)]
    public void Should_draw_as_the_documented_rule_when_computed_elsewhere(byte value, Split expected)
    {
        var hash = new byte[32];
        Array.Fill(hash, value);

        Assert.Equal(expected, SplitDraw.OfGroup(hash));
    }

    [Fact]
    public void Should_come_near_70_15_15_when_many_groups_are_drawn()
    {
        var random = new Random(7);
        var counts = new int[3];
        var hash = new byte[32];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(hash);
            counts[(int)SplitDraw.OfGroup(hash)]++;
        }

        Assert.InRange(counts[(int)Split.Train] / 20_000.0, 0.68, 0.72);
        Assert.InRange(counts[(int)Split.Validation] / 20_000.0, 0.135, 0.165);
    }

    [Fact]
    public void Should_order_files_as_the_documented_rule_when_computed_elsewhere() =>
        Assert.StartsWith("0D6F0EA9963305483CA40A01951FD8E3", SplitDraw.ReproductionOrder("Train/nevus/ISIC_0000001.jpg"), StringComparison.Ordinal);

    [Theory]
    [InlineData(2239, 447)]
    [InlineData(2241, 448)]
    [InlineData(4, 0)]
    public void Should_validate_on_a_fifth_rounded_down_when_reproducing(int files, int expected) => Assert.Equal(expected, SplitDraw.ReproductionValidation(files));

    [Theory]
    [InlineData("isic9.zip/train/NEVUS/a.jpg", "Train/nevus/a.jpg")]
    [InlineData("Train/nevus/a.jpg", "Train/nevus/a.jpg")]
    [InlineData("train/old/Train/nevus/sub/a.jpg", "Train/nevus/sub/a.jpg")]
    public void Should_name_a_file_from_its_folder_on_when_it_was_delivered_below_others(string path, string expected) =>
        Assert.Equal(expected, ReproductionContent.FolderPath(path, Split.Train, Diagnosis.Nevus));

    [Fact]
    public void Should_change_the_content_hash_when_any_row_changes()
    {
        var genRow = Gen.Select(Gen.Byte.Array[32], Gen.Short[1, 511], Gen.Enum<Split>(),
            (hash, label, split) => new SnapshotRow(Guid.NewGuid(), hash, new DiagnosisSet(label), split, null, null));
        Gen.Select(genRow.List[1, 8], Gen.Int[0, 7], genRow).Sample((rows, at, other) =>
        {
            var changed = rows.ToList();
            changed[at % rows.Count] = other;
            var same = rows[at % rows.Count] is var row && row.Label == other.Label && row.Split == other.Split && row.Sha256.SequenceEqual(other.Sha256);
            return Hash(rows) == Hash(changed) == same;
        }, iter: 300);
    }

    [Fact]
    public void Should_say_what_is_missing_when_there_is_one_diagnosis_only()
    {
        var row = new SnapshotRow(Guid.NewGuid(), new byte[32], DiagnosisSet.Of(Diagnosis.Nevus), Split.Train, null, null);

        Assert.Contains("nevus", new SnapshotContent(DatasetKind.Honest, [row], 0, []).FindObstacle(), StringComparison.Ordinal);
        Assert.Contains("no training image", new SnapshotContent(DatasetKind.Honest, [row with { Split = Split.Test }], 0, []).FindObstacle(), StringComparison.Ordinal);
        SnapshotRow[] trainable = [row, row with { Label = DiagnosisSet.Of(Diagnosis.Melanoma) }];
        Assert.Contains("no validation image", new SnapshotContent(DatasetKind.Honest, trainable, 0, []).FindObstacle(), StringComparison.Ordinal);
        Assert.Contains("at least five", new SnapshotContent(DatasetKind.Reproduction, trainable, 0, []).FindObstacle(), StringComparison.Ordinal);
        Assert.Null(new SnapshotContent(DatasetKind.Honest, [.. trainable, row with { Split = Split.Validation }], 0, []).FindObstacle());
    }

    [Fact]
    public void Should_have_the_same_content_hash_when_only_the_ids_of_the_groups_differ()
    {
        Assert.Equal(Hash(Grouped(0, 0, 1)), Hash(Grouped(0, 0, 1)));
        Assert.NotEqual(Hash(Grouped(0, 0, 1)), Hash(Grouped(0, 1, 1)));
        Assert.NotEqual(Hash(Grouped(0, 0, 1)), Hash(Grouped(0, 1, 2)));

        static SnapshotRow[] Grouped(params int[] groups)
        {
            var ids = Enumerable.Range(0, groups.Length).Select(_ => Guid.NewGuid()).ToArray();
            return [.. groups.Select((group, i) => new SnapshotRow(Guid.NewGuid(), [.. Enumerable.Repeat((byte)i, 32)], DiagnosisSet.Of(Diagnosis.Nevus), Split.Train, ids[group], null))];
        }
    }

    private static string Hash(IReadOnlyList<SnapshotRow> rows) => Convert.ToHexString(new SnapshotContent(DatasetKind.Honest, rows, 0, []).ComputeHash());
}
