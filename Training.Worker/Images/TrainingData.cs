using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.Training.Images;

/// <summary>A picture of the cache with what is known of it.</summary>
/// <param name="Image">Its place in the cache.</param>
/// <param name="Group">Number of its lesion group; variants have their parent's.</param>
/// <param name="IsVariant">Whether augmentation made it.</param>
/// <param name="Parent">Place in the cache of the picture that a variant was made of; null for the others.</param>
internal readonly record struct Sample(int Image, Split Split, DiagnosisSet Label, int Group, bool IsVariant, int? Parent = null);

/// <summary>What a run trains and is judged on.</summary>
internal sealed class TrainingData
{
    /// <param name="leastLesions">A diagnosis with fewer training lesions is unsupported.</param>
    public TrainingData(ImageCache images, IReadOnlyList<Sample> samples, int leastLesions = 1)
    {
        Images = images;
        ClassesBefore = Count(samples.Where(sample => sample.Split == Split.Train && !sample.IsVariant));
        ClassesAfter = Count(samples.Where(sample => sample.Split == Split.Train));
        var lesions = Count(samples.Where(sample => sample.Split == Split.Train).DistinctBy(sample => (sample.Group, sample.Label)));
        Supported = [.. lesions.Select(count => count >= leastLesions)];
        var supported = DiagnosisSet.Of([.. Enumerable.Range(0, Diagnoses.Count).Where(i => Supported[i]).Select(i => (Diagnosis)i)]);
        Train = [.. samples.Where(sample => sample.Split == Split.Train && sample.Label.Meets(supported))];
        Validation = [.. samples.Where(sample => sample.Split == Split.Validation)];
        Test = [.. samples.Where(sample => sample.Split == Split.Test)];
        LesionShares = Shares(samples.Where(sample => sample.Split == Split.Train && !sample.IsVariant).DistinctBy(sample => (sample.Group, sample.Label)));
        TrainedShares = Shares(Train);
    }

    public ImageCache Images { get; }

    /// <summary>In the order of the dataset, originals before variants; images of unsupported diagnoses alone are left out.</summary>
    public Sample[] Train { get; }

    public Sample[] Validation { get; }

    public Sample[] Test { get; private set; }

    /// <summary>Training images with one fine label, per diagnosis.</summary>
    public int[] ClassesBefore { get; }

    /// <summary>The same with variants.</summary>
    public int[] ClassesAfter { get; }

    /// <summary>Which diagnoses have enough training lesions.</summary>
    public bool[] Supported { get; }

    /// <summary>Share of each diagnosis among the training lesions; 0 for unsupported ones, and never below one lesion for the others.</summary>
    public double[] LesionShares { get; }

    /// <summary>Share of each diagnosis among the images trained on, variants included.</summary>
    public double[] TrainedShares { get; }

    /// <summary>At least so many training pictures, no variants, evenly over all of them; all where there are no more.</summary>
    public IEnumerable<Sample> SomeOriginals(int least)
    {
        var originals = Train.Where(sample => !sample.IsVariant).ToArray();
        var stride = Math.Max(1, originals.Length / least);
        return originals.Where((_, i) => i % stride == 0);
    }

    /// <summary>As <see cref="SomeOriginals"/>; all that is trained on where there are fewer than two: in a reproduction nearly everything may be variants.</summary>
    public Sample[] SomeTrained(int least) => SomeOriginals(least).ToArray() is { Length: > 1 } originals ? originals : Train;

    /// <summary>Leaves pictures out of <see cref="Test"/>.</summary>
    /// <param name="images">Their places in the cache.</param>
    public void LeaveOutOfTest(IReadOnlySet<int> images) => Test = [.. Test.Where(sample => !images.Contains(sample.Image))];

    private static int[] Count(IEnumerable<Sample> samples)
    {
        var counts = new int[Diagnoses.Count];
        foreach (var sample in samples.Where(sample => sample.Label.Count == 1))
        {
            counts[(int)sample.Label.Sole]++;
        }

        return counts;
    }

    /// <summary>A label of several diagnoses is split in proportion to the fine ones.</summary>
    private double[] Shares(IEnumerable<Sample> samples)
    {
        var all = samples.ToArray();
        var fine = Count(all);
        var weights = fine.Select(count => (double)count).ToArray();
        foreach (var coarse in all.Where(sample => sample.Label.Count > 1))
        {
            var members = coarse.Label.Members.Select(member => (int)member).Where(member => Supported[member]).ToArray();
            var sum = members.Sum(member => (double)fine[member]);
            foreach (var member in members)
            {
                weights[member] += sum > 0 ? fine[member] / sum : 1.0 / members.Length;
            }
        }

        // In a reproduction a diagnosis may be trained on variants alone; a share of 0 would forbid it what it has learned.
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = Supported[i] ? Math.Max(1, weights[i]) : 0;
        }

        var total = weights.Sum();
        return [.. weights.Select(weight => total > 0 ? weight / total : 0)];
    }
}
