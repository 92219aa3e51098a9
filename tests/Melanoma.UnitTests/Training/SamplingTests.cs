using CsCheck;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;

namespace Melanoma.UnitTests.Training;

public sealed class SamplingTests
{
    [Fact]
    public void Should_show_each_image_as_often_as_its_weight_says_when_rare_diagnoses_are_preferred() =>
        Gen.Select(Gen.Int[0, 3].Array[1, 60], Gen.Double[0, 1], Gen.Int[0, 1000]).Sample((classes, power, epoch) =>
        {
            using var images = new TemporaryImages(8, 1, 1);
            var data = new TrainingData(images.Cache, [.. classes.Select((diagnosis, i) => new Sample(0, Split.Train, DiagnosisSet.Of((Diagnosis)diagnosis), i, false))]);
            var sampling = new Sampling(data, power);

            var times = sampling.Order(seed: 1, epoch).GroupBy(image => image).ToDictionary(image => image.Key, image => image.Count());

            var weights = classes.Select(diagnosis => Math.Pow(data.TrainedShares[diagnosis], -power)).ToArray();
            return times.Values.Sum() == classes.Length
                && Math.Abs(sampling.Shares.Sum() - 1) < 1e-9
                && classes.Select((_, i) => Math.Abs(times.GetValueOrDefault(i) - (weights[i] / weights.Average()))).All(difference => difference < 1 + 1e-6);
        });

    [Fact]
    public void Should_show_all_diagnoses_equally_often_when_the_power_is_one()
    {
        using var images = new TemporaryImages(8, 1, 1);
        var data = new TrainingData(images.Cache, [.. Enumerable.Range(0, 100).Select(i => new Sample(0, Split.Train, DiagnosisSet.Of(i < 90 ? Diagnosis.Nevus : Diagnosis.Melanoma), i, false))]);
        var sampling = new Sampling(data, 1);

        Assert.Equal(0.5, sampling.Shares[(int)Diagnosis.Melanoma], 9);
        Assert.InRange(sampling.Order(1, 0).Count(i => data.Train[i].Label.Contains(Diagnosis.Melanoma)), 49, 51);
    }

    [Fact]
    public void Should_show_each_image_once_and_in_another_order_when_the_power_is_zero()
    {
        using var images = new TemporaryImages(8, 1, 1);
        var data = new TrainingData(images.Cache, [.. Enumerable.Range(0, 50).Select(i => new Sample(0, Split.Train, DiagnosisSet.Of((Diagnosis)(i % 9)), i, false))]);
        var sampling = new Sampling(data, 0);

        Assert.Equal(Enumerable.Range(0, 50), sampling.Order(1, 0).Order());
        Assert.NotEqual(sampling.Order(1, 0), sampling.Order(1, 1));
    }
}
