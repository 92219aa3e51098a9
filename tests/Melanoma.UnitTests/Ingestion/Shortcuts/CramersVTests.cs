using CsCheck;
using Melanoma.Ingestion.Shortcuts;

namespace Melanoma.UnitTests.Ingestion.Shortcuts;

public sealed class CramersVTests
{
    private static readonly Gen<double[,]> Tables = Gen.Select(Gen.Int[1, 12], Gen.Int[1, 9], Gen.Int[0, 200].Array[108]).Select((rows, columns, counts) =>
    {
        var table = new double[rows, columns];
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
                table[r, c] = counts[(r * 9) + c];
        }

        return table;
    });

    // Reference: the formulas of the paper in Python with scipy.stats.chi2_contingency(correction=False).
    [Theory]
    [InlineData(0.5261, 10, 20, 30, 5)]
    [InlineData(0.0, 10, 10, 11, 10)]
    [InlineData(0.9846, 60, 1, 0, 70)]
    public void Should_be_the_figure_of_the_paper_when_computed_elsewhere(double expected, int a, int b, int c, int d) =>
        Assert.Equal(expected, CramersV.Of(new double[,] { { a, b }, { c, d } }), 0.0001);

    [Fact]
    public void Should_lie_between_0_and_1_when_the_table_is_any() => Tables.Sample(table => CramersV.Of(table) is >= 0 and <= 1);

    [Fact]
    public void Should_not_change_when_categories_are_renamed_reordered_or_padded() => Gen.Select(Tables, Gen.Int).Sample((table, seed) =>
    {
        int rows = table.GetLength(0), columns = table.GetLength(1);
        var random = new Random(seed);
        int[] rowOrder = [.. Enumerable.Range(0, rows + 2)], columnOrder = [.. Enumerable.Range(0, columns + 1)];
        random.Shuffle(rowOrder);
        random.Shuffle(columnOrder);
        var other = new double[rows + 2, columns + 1];
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
                other[rowOrder[r], columnOrder[c]] = table[r, c];
        }

        Assert.Equal(CramersV.Of(table), CramersV.Of(other), 1e-9);
    });

    [Fact]
    public void Should_be_1_when_each_category_has_a_class_of_its_own() => Gen.Int[1, 500].Array[2, 9].Sample(counts =>
    {
        var table = new double[counts.Length, counts.Length];
        for (var i = 0; i < counts.Length; i++)
            table[i, counts.Length - 1 - i] = counts[i] + 1;
        Assert.Equal(1, CramersV.Of(table), 1e-9);
    });

    [Fact]
    public void Should_be_near_0_when_columns_are_independent() => Gen.Select(Gen.Int[2, 20], Gen.Int[2, 9], Gen.Int).Sample(
        (rows, columns, seed) =>
        {
            var table = new double[rows, columns];
            var random = new Random(seed);
            for (var i = 0; i < 4000; i++)
                table[random.Next(rows), random.Next(columns)]++;
            Assert.InRange(CramersV.Of(table), 0, 0.1);
        },
        iter: 200);
}
