using System.Collections;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;

namespace Melanoma.Augmentation.Policies;

/// <summary>A dataset item that variants are made from.</summary>
internal readonly record struct Parent(int Ordinal, Guid ImageId, Split Split, DiagnosisSet Label);

/// <summary>A variant that is to be made: its parent and what is done to it.</summary>
internal readonly record struct PlannedVariant(int Ordinal, Parent Parent, Split Split, int Degrees);

/// <summary>
/// Which variants an augmentation has: N for each diagnosis that has parents, in index order, ordinals counted through.
/// Each variant's parent is drawn from its diagnosis with replacement, as Augmentor's <c>sample(N)</c> does. Images whose
/// label is a set of several diagnoses have no class to fill up: they are trained on as they are and have no variants.
/// </summary>
internal sealed class VariantPlan
{
    private readonly string _policy;
    private readonly int _samplesPerClass;
    private readonly int _seed;
    private readonly Parent[][] _classes;
    private readonly BitArray? _validation;

    /// <param name="kind">In a reproduction the variants are split like originals, else all are trained on.</param>
    /// <param name="policy">Name of the policy.</param>
    /// <param name="samplesPerClass">Variants for each diagnosis that has parents.</param>
    /// <param name="seed">The augmentation's seed.</param>
    /// <param name="parents">The dataset's possible parents, in the order of the dataset.</param>
    public VariantPlan(DatasetKind kind, string policy, int samplesPerClass, int seed, IEnumerable<Parent> parents)
    {
        _policy = policy;
        _samplesPerClass = samplesPerClass;
        _seed = seed;
        _classes = [.. parents.Where(parent => parent.Label.Count == 1).GroupBy(parent => parent.Label.Sole).OrderBy(of => of.Key).Select(of => of.ToArray())];
        Count = CountOf(samplesPerClass, _classes.Length);
        _validation = kind == DatasetKind.Reproduction ? DrawValidation() : null;
    }

    /// <summary>How many variants there are; ordinals are 0 to this less one.</summary>
    public int Count { get; }

    /// <summary>What may be a parent: training images; in a reproduction everything of the Train folder, before the split, as in the notebook.</summary>
    public static bool MayBeParent(DatasetKind kind, Split split) => split == Split.Train || (kind == DatasetKind.Reproduction && split == Split.Validation);

    /// <summary>How many variants a number of diagnoses with parents comes to.</summary>
    /// <exception cref="OverflowException">More than an int can count.</exception>
    public static int CountOf(int samplesPerClass, int classes) => checked(samplesPerClass * classes);

    /// <summary>The variant of an ordinal.</summary>
    public PlannedVariant this[int ordinal]
    {
        get
        {
            var parents = _classes[ordinal / _samplesPerClass];
            var random = VariantRandom.ForVariant(_policy, _seed, ordinal);
            var parent = parents[random.Below(parents.Length)];
            return new PlannedVariant(ordinal, parent, _validation?[ordinal] == true ? Split.Validation : Split.Train, AugmentorPolicy.DrawDegrees(ref random));
        }
    }

    // Exactly the fifth that Keras' validation_split takes, rounded down, in a seeded order.
    private BitArray DrawValidation()
    {
        var validation = new BitArray(Count);
        var order = Enumerable.Range(0, Count).OrderBy(ordinal => VariantRandom.ForSplit(_policy, _seed, ordinal).Next()).ThenBy(ordinal => ordinal);
        foreach (var ordinal in order.Take(Count / 5))
        {
            validation[ordinal] = true;
        }

        return validation;
    }
}
