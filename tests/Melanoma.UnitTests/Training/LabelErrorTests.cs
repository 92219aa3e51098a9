using Melanoma.Contracts;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.Networks;

namespace Melanoma.UnitTests.Training;

public sealed class LabelErrorTests
{
    private static readonly DiagnosisSet Nevus = DiagnosisSet.Of(Diagnosis.Nevus);
    private static readonly DiagnosisSet Melanoma = DiagnosisSet.Of(Diagnosis.Melanoma);
    private static readonly DiagnosisSet Vascular = DiagnosisSet.Of(Diagnosis.VascularLesion);
    private static readonly DiagnosisSet Keratosis = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis);
    private static readonly DiagnosisSet[] Labels = [Nevus, Melanoma, Vascular, Keratosis];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Should_rank_them_first_when_labels_were_exchanged(int seed)
    {
        var rows = Rows(seed, count: 240, noise: 0.8);
        int[] wrong = [3, 50, 101, 160, 222];
        foreach (var i in wrong)
        {
            rows[i] = rows[i] with { Claims = [Labels[(i + 1) % Labels.Length]] };
        }

        var ranking = Rank(rows);

        Assert.Equal(rows.Length, ranking.Count);
        Assert.Equal(wrong.Select(i => rows[i].Image).Order(), ranking.Take(wrong.Length).Select(error => error.Image).Order());
        Assert.All(ranking.Take(wrong.Length), error => Assert.True(Truth(error.Image).Contains(error.Suggested)));
        Assert.All(ranking, error => Assert.InRange(error.Score, 0, 1));
        Assert.All(ranking.Zip(ranking.Skip(1)), pair => Assert.True(pair.First.Score >= pair.Second.Score));
    }

    [Fact]
    public void Should_name_the_side_that_the_picture_contradicts_when_equal_bytes_carry_two_labels()
    {
        var rows = Rows(seed: 5, count: 240, noise: 0.8);
        rows[40] = rows[40] with { Claims = [Labels[0], Labels[1]] };

        var ranking = Rank(rows);

        Assert.Equal((rows[40].Image, Labels[1]), (ranking[0].Image, ranking[0].Claim));
        Assert.True(ranking[0].IsDisputed);
        Assert.Contains("The same picture is also labelled nevus", ranking[0].Evidence, StringComparison.Ordinal);
        var other = ranking.Single(error => error.Image == rows[40].Image && error.Claim == Labels[0]);
        Assert.Equal(1, other.Score + ranking[0].Score, 2);
    }

    [Fact]
    public void Should_side_with_the_majority_when_pictures_of_a_lesion_disagree_and_the_model_cannot_tell()
    {
        var rows = Rows(seed: 6, count: 240, noise: 0.8);
        for (var i = 0; i < 4; i++)
        {
            // Half way between nevus and melanoma.
            rows[i] = rows[i] with { Group = "one lesion", Embedding = [0.5f, 0.5f, 0, 0, 0], Claims = [i == 2 ? Melanoma : Nevus] };
        }

        var ranking = Rank(rows);

        Assert.Equal((rows[2].Image, Melanoma, Diagnosis.Nevus), (ranking[0].Image, ranking[0].Claim, ranking[0].Suggested));
        Assert.StartsWith(
            $"Another picture of the lesion is labelled nevus ({rows[0].Image}, {rows[1].Image}, {rows[3].Image}).", ranking[0].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_leave_other_labels_of_the_lesion_aside_when_only_the_model_is_asked()
    {
        var rows = Rows(seed: 6, count: 240, noise: 0.8);
        rows[40] = rows[40] with { Claims = [Labels[0], Labels[1]] };

        var ranking = LabelErrorFinder.Rank(rows, new LabelErrorOptions { UseCopies = false }, TestContext.Current.CancellationToken);

        Assert.Equal(rows.Length + 1, ranking.Count);
        Assert.All(ranking, error => Assert.False(error.IsDisputed));
    }

    [Fact]
    public void Should_stop_believing_a_folder_when_most_of_it_is_filed_elsewhere_too()
    {
        var rows = Rows(seed: 7, count: 240, noise: 0.8);
        var folder = DiagnosisSet.Of(Diagnosis.Dermatofibroma);
        var melanomas = Enumerable.Range(0, rows.Length).Where(i => rows[i].Claims[0] == Melanoma).Take(31).ToArray();
        foreach (var i in melanomas)
        {
            rows[i] = rows[i] with { Claims = [Melanoma, folder] };
        }

        var lonely = melanomas[^1];
        rows[lonely] = rows[lonely] with { Claims = [folder] };

        var ranking = Rank(rows);

        Assert.Equal(31, ranking.Take(31).Count(error => error.Claim == folder));
        Assert.Equal(Diagnosis.Melanoma, ranking.Single(error => error.Image == rows[lonely].Image).Suggested);
    }

    [Fact]
    public void Should_give_the_same_ranking_when_the_rows_come_in_another_order()
    {
        var rows = Rows(seed: 8, count: 120, noise: 1.5);
        var expected = Rank(rows);

        SplitMix64.At(8).Shuffle(rows.AsSpan());

        Assert.Equal(expected, Rank(rows));
    }

    [Fact]
    public void Should_change_nothing_when_a_label_is_coarser_than_the_model()
    {
        var rows = Rows(seed: 9, count: 240, noise: 0.3);

        var ranking = Rank(rows);

        Assert.All(ranking.Where(error => error.Claim == Keratosis), error => Assert.InRange(error.Score, 0, 0.1));
    }

    [Fact]
    public void Should_rank_nothing_and_refuse_doubled_ids_when_the_rows_are_no_data_set()
    {
        Assert.Empty(Rank([]));
        Assert.Single(Rank([new("a", "a", [Nevus], [1, 2])]));
        Assert.Throws<ArgumentException>(() => Rank([new("a", "a", [Nevus], [1, 2]), new("a", "b", [Nevus], [1, 2])]));
        Assert.Throws<ArgumentException>(() => Rank([new("a", "a", [Nevus], [1, 2]), new("b", "b", [Nevus], [1])]));
    }

    private static IReadOnlyList<LikelyLabelError> Rank(LabelledEmbedding[] rows) =>
        LabelErrorFinder.Rank(rows, new LabelErrorOptions(), TestContext.Current.CancellationToken);

    private static DiagnosisSet Truth(string image) => Labels[int.Parse(image[^3..], System.Globalization.CultureInfo.InvariantCulture) % Labels.Length];

    /// <summary>Pictures of lesions of their own: the diagnosis is where the embedding is near 1.</summary>
    private static LabelledEmbedding[] Rows(int seed, int count, double noise)
    {
        var random = SplitMix64.At(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var embedding = new float[5];
                for (var c = 0; c < embedding.Length; c++)
                {
                    embedding[c] = (c == i % Labels.Length ? 1 : 0) + (random.Between(-0.5, 0.5) * (float)noise);
                }

                return new LabelledEmbedding($"image {i:000}", $"lesion {i:000}", [Labels[i % Labels.Length]], embedding);
            }),
        ];
    }
}
