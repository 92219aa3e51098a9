using Melanoma.Contracts;
using Melanoma.Contracts.Recipes;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;

namespace Melanoma.UnitTests.Training;

public sealed class RecipeTests
{
    [Fact]
    public void Should_know_how_to_train_it_when_a_recipe_stands_in_the_catalogue() =>
        Assert.All(RecipeCatalogue.All, recipe =>
        {
            var trained = TrainingRecipes.Find(recipe.Name, recipe.Version);
            Assert.Equal((recipe, recipe.Network), (trained.Summary, trained.Network.Name));
        });

    [Fact]
    public void Should_say_so_when_a_recipe_is_unknown()
    {
        var exception = Assert.Throws<UnknownRecipeException>(() => TrainingRecipes.Find("quick", 99));
        Assert.Contains("'quick' of version 99", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_count_lesions_once_and_split_coarse_labels_when_shares_are_taken()
    {
        using var images = new TemporaryImages(8, 8, 2);
        var keratosis = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis);
        Sample[] samples =
        [
            new(0, Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), Group: 1, IsVariant: false),
            new(1, Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), Group: 1, IsVariant: false),
            new(2, Split.Train, DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis), Group: 2, IsVariant: false),
            new(3, Split.Train, keratosis, Group: 3, IsVariant: false),
            new(4, Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), Group: 1, IsVariant: true),
            new(5, Split.Train, DiagnosisSet.Of(Diagnosis.SquamousCellCarcinoma, Diagnosis.SeborrheicKeratosis), Group: 4, IsVariant: false),
            new(6, Split.Validation, DiagnosisSet.Of(Diagnosis.Melanoma), Group: 5, IsVariant: false),
        ];

        var data = new TrainingData(images.Cache, samples);

        Assert.Equal(5, data.Train.Length);
        Assert.Equal((2, 3), (data.ClassesBefore[(int)Diagnosis.Nevus], data.ClassesAfter[(int)Diagnosis.Nevus]));
        Assert.False(data.Supported[(int)Diagnosis.Melanoma]);
        Assert.False(data.Supported[(int)Diagnosis.SeborrheicKeratosis]);

        // The coarse label counts as the only supported diagnosis in it.
        Assert.Equal(2.0 / 3, data.LesionShares[(int)Diagnosis.PigmentedBenignKeratosis], 9);
        Assert.Equal(1.0 / 3, data.LesionShares[(int)Diagnosis.Nevus], 9);
        Assert.Equal(3.0 / 5, data.TrainedShares[(int)Diagnosis.Nevus], 9);
        Assert.Equal(1, data.TrainedShares.Sum(), 9);
    }

    [Fact]
    public void Should_leave_a_diagnosis_unsupported_when_it_has_fewer_lesions_than_asked_for()
    {
        using var images = new TemporaryImages(8, 1, 1);
        Sample Of(Diagnosis diagnosis, int group) => new(0, Split.Train, DiagnosisSet.Of(diagnosis), group, IsVariant: false);
        Sample[] samples =
        [
            .. Enumerable.Range(0, 10).Select(i => Of(Diagnosis.Nevus, i)),
            .. Enumerable.Range(0, 20).Select(i => Of(Diagnosis.SeborrheicKeratosis, 100 + (i % 9))),
        ];

        var data = new TrainingData(images.Cache, samples, leastLesions: 10);

        Assert.True(data.Supported[(int)Diagnosis.Nevus]);
        Assert.False(data.Supported[(int)Diagnosis.SeborrheicKeratosis]);
        Assert.Equal(10, data.Train.Length);
        Assert.Equal((0, 1), (data.LesionShares[(int)Diagnosis.SeborrheicKeratosis], data.LesionShares[(int)Diagnosis.Nevus]));
    }

    [Fact]
    public void Should_take_a_share_of_one_lesion_when_a_diagnosis_is_trained_on_variants_alone()
    {
        using var images = new TemporaryImages(8, 4, 2);
        var data = new TrainingData(images.Cache,
        [
            new(0, Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), Group: 1, IsVariant: false),
            new(1, Split.Train, DiagnosisSet.Of(Diagnosis.Nevus), Group: 2, IsVariant: false),
            new(2, Split.Train, DiagnosisSet.Of(Diagnosis.Melanoma), Group: 3, IsVariant: true),
            new(3, Split.Validation, DiagnosisSet.Of(Diagnosis.Melanoma), Group: 3, IsVariant: false),
        ]);

        Assert.Equal(1.0 / 3, data.LesionShares[(int)Diagnosis.Melanoma], 9);
        Assert.Equal(2.0 / 3, data.LesionShares[(int)Diagnosis.Nevus], 9);
        Assert.Equal(0, data.LesionShares[(int)Diagnosis.VascularLesion]);
    }

    [Fact]
    public void Should_come_back_whole_when_tensors_are_written_and_read()
    {
        var tensors = new Dictionary<string, Weight> { ["a.weight"] = new([2, 3], [1, 2, 3, 4, 5, float.Epsilon]), ["b"] = new([1], [-0f]) };

        var (read, metadata) = SafeTensors.Read(SafeTensors.Write(tensors, new Dictionary<string, string> { ["epoch"] = "3" }));

        Assert.Equal("3", metadata["epoch"]);
        Assert.Equal(tensors.Keys, read.Keys);
        Assert.Equal(tensors["a.weight"].Values, read["a.weight"].Values);
        Assert.Equal([2, 3], read["a.weight"].Shape);
    }

    [Fact]
    public void Should_refuse_the_file_when_it_is_cut_or_lies_about_its_header()
    {
        var file = SafeTensors.Write(new Dictionary<string, Weight> { ["a"] = new([4], [1, 2, 3, 4]) }, new Dictionary<string, string>());
        for (var length = 0; length < file.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => SafeTensors.Read(file.AsSpan(0, length)));
        }

        file[6] = 0x7f;
        Assert.Throws<InvalidDataException>(() => SafeTensors.Read(file));
    }

    [Fact]
    public void Should_refuse_the_cache_when_it_does_not_hold_whole_pictures()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[8 * 8 * 3 * 2 + 1]);
            Assert.Throws<InvalidDataException>(() => new ImageCache(path, 8));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Should_reach_every_order_and_repeat_itself_when_a_shuffle_is_drawn()
    {
        var orders = Enumerable.Range(0, 600).Select(Shuffled).ToArray();

        Assert.Equal(24, orders.Distinct().Count());
        Assert.Equal(orders[5], Shuffled(5));

        static string Shuffled(int seed)
        {
            int[] items = [0, 1, 2, 3];
            SplitMix64.At(seed, 1).Shuffle(items.AsSpan());
            return string.Concat(items);
        }
    }
}
