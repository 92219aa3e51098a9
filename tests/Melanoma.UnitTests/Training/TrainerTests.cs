using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Recipes;
using Melanoma.Training.Recipes.Augmentation;
using static TorchSharp.torch;

namespace Melanoma.UnitTests.Training;

[Collection(TorchTests.Name)]
public sealed class TrainerTests
{
    private const int Size = 24;

    private static readonly TrainingRecipe Plateau = TrainingRecipes.Find("seed-augmented", 1) with
    {
        Network = new NetworkDescription("tiny", Size, Normalization.ZeroToOne,
        [
            new Convolution(6, 3, 2, Bias: false), new BatchNormalization(), new Relu(), new MaxPool(), new Dropout(0.3), new Flatten(), new Dense(Diagnoses.Count),
        ]),
        Schedule = new ReduceOnPlateau(Patience: 1),
        BatchSize = 8,
    };

    private static readonly TrainingRecipe Cosine = TrainingRecipes.Find("quick", 1) with { Network = Plateau.Network, BatchSize = 8 };

    /// <summary>With all that <c>standard</c> has: growing pictures, mixing, stochastic depth, averaged weights, weight decay, clipping, preferred rare diagnoses and early stopping.</summary>
    private static readonly TrainingRecipe Averaged = Cosine with
    {
        Network = new NetworkDescription("tiny-pooled", Size, Normalization.ZeroToOne,
        [
            new Convolution(6, 3, 2, Bias: false), new BatchNormalization(), new Relu6(),
            new Residual([new Convolution(6, 3, Bias: false), new BatchNormalization()], DropRate: 0.3), new Dropout(0.1), new GlobalAveragePool(), new Dense(Diagnoses.Count),
        ]),
        OnlineAugmentation = [new RandomView(0.8, 1, 1.2, 0.5), new RandomJpeg(0.5, 40, 90), new RandomSharpness(0.5, 1, 0.5), new RandomColour(0.1, 0.1, 0.1, 0.02), new RandomNoise(0.5, 4)],
        Optimiser = new AdamSettings(WeightDecay: 0.01, LargestNorm: 1),
        Mixing = new PictureMixing(0.4, 0.3, 0.4),
        GrowingSides = [16, 24],
        AverageDecay = 0.9,
        RarityPower = 0.5,
        Patience = 2,
    };

    public static TheoryData<bool> BothSchedules => [true, false];

    public static TheoryData<string> Recipes => ["plateau", "cosine", "averaged"];

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Should_end_with_the_same_state_when_a_run_is_resumed_between_epochs(string name)
    {
        using var images = new TemporaryImages(Size, 60, 4);
        var recipe = name switch { "plateau" => Plateau, "cosine" => Cosine, _ => Averaged with { Patience = 9 } };
        var undisturbed = Train(images, recipe, 4, out var expected);

        using var first = NewTrainer(images, recipe, 4);
        first.FinishEpoch(null, CancellationToken.None);
        first.FinishEpoch(null, CancellationToken.None);
        using var second = NewTrainer(images, recipe, 4);
        second.Restore(first.Capture());
        second.FinishEpoch(null, CancellationToken.None);
        var last = second.FinishEpoch(null, CancellationToken.None);

        Assert.True(second.IsFinished);
        Assert.Equal(undisturbed, second.Capture());
        Assert.Equal(expected with { Seconds = 0, ImagesPerSecond = 0 }, last with { Seconds = 0, ImagesPerSecond = 0 });
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Should_end_with_the_same_state_when_a_run_is_stopped_in_the_middle_of_an_epoch(string name)
    {
        using var images = new TemporaryImages(Size, 60, 4);
        var recipe = name switch { "plateau" => Plateau, "cosine" => Cosine, _ => Averaged };
        var undisturbed = Train(images, recipe, 2, out var expected);

        using var stop = new CancellationTokenSource();
        using var first = NewTrainer(images, recipe, 2);
        first.FinishEpoch(null, CancellationToken.None);
        Assert.Throws<OperationCanceledException>(() => first.FinishEpoch(
            progress =>
            {
                if (progress.Fraction > 0.4)
                {
                    stop.Cancel();
                }
            },
            stop.Token));
        Assert.InRange(first.Step, 1, 5);

        using var second = NewTrainer(images, recipe, 2);
        second.Restore(first.Capture());
        var last = second.FinishEpoch(null, CancellationToken.None);

        Assert.Equal(undisturbed, second.Capture());
        Assert.Equal(expected.TrainingLoss, last.TrainingLoss);
    }

    [Fact]
    public void Should_say_what_its_teachers_say_when_labels_count_for_nothing()
    {
        using var images = new TemporaryImages(Size, 120, 4);
        using var teachers = new Teachers([AlwaysSaying((Diagnosis)2), AlwaysSaying((Diagnosis)2)], share: 1);
        using var trainer = new Trainer(Averaged with { OnlineAugmentation = [], Patience = null, Optimiser = new AdamSettings(LearningRate: 2e-2) }, images.Data, 12, seed: 5, TimeProvider.System, teachers: teachers);
        Finish(trainer);

        // Of the four diagnoses that the data have; every label is drawn as often as the others.
        Assert.All(trainer.Logits(images.Data.Validation).Chunk(Diagnoses.Count), row => Assert.Equal(2, Array.IndexOf(row, row[..4].Max())));

        static Network AlwaysSaying(Diagnosis diagnosis)
        {
            var network = new Network(Averaged.Network, 1);
            var weights = network.Weights();
            weights["6.weight"] = weights["6.weight"] with { Values = new float[weights["6.weight"].Values.Length] };
            weights["6.bias"] = weights["6.bias"] with { Values = [.. Enumerable.Range(0, Diagnoses.Count).Select(i => i == (int)diagnosis ? 20f : 0)] };
            network.Load(weights);
            return network;
        }
    }

    [Fact]
    public void Should_show_teachers_pictures_that_are_not_damaged()
    {
        using var images = new TemporaryImages(Size, 120, 4);
        var recipe = Averaged with { OnlineAugmentation = [new RandomView(0.9, 1, 1, 0.5), new Blackening()], Mixing = null, Patience = null };
        using var teacher = NewTrainer(images, recipe with { OnlineAugmentation = [], Optimiser = new AdamSettings(LearningRate: 1e-2) }, 12);
        Finish(teacher);
        using var teachers = new Teachers([Copy(teacher.Network)], share: 1);
        using var trainer = new Trainer(recipe, images.Data, 12, seed: 5, TimeProvider.System, teachers: teachers);
        Finish(trainer);

        // The first diagnosis is the dark one. A teacher that saw black pictures would say it of each; one that sees them as they are says each of the four as often as the others.
        Assert.InRange(OfBlack(teacher.Network)[0], 0.9, 1);
        Assert.All(OfBlack(trainer.Network)[..4], probability => Assert.InRange(probability, 0.15, 0.35));

        float[] OfBlack(Network network)
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            return Network.Values(network.Forward(zeros(1, Size, Size, 3), training: false).Logits.narrow(1, 0, 4).softmax(1));
        }
    }

    [Fact]
    public void Should_end_with_the_same_state_when_a_run_with_teachers_is_resumed()
    {
        using var images = new TemporaryImages(Size, 60, 4);
        using var other = NewTrainer(images, Averaged, 1);
        using var teachers = new Teachers([Copy(other.Network), Copy(other.Network)], share: 0.7);
        using var undisturbed = new Trainer(Averaged, images.Data, 2, seed: 5, TimeProvider.System, teachers: teachers);
        undisturbed.FinishEpoch(null, CancellationToken.None);
        using var resumed = new Trainer(Averaged, images.Data, 2, seed: 5, TimeProvider.System, teachers: teachers);
        resumed.Restore(undisturbed.Capture());
        var before = Tensor.TotalCount;
        undisturbed.FinishEpoch(null, CancellationToken.None);
        Assert.Equal(before, Tensor.TotalCount);
        resumed.FinishEpoch(null, CancellationToken.None);

        Assert.Equal(undisturbed.Capture(), resumed.Capture());
    }

    [Fact]
    public void Should_fit_the_last_layer_alone_and_in_one_epoch_when_the_recipe_is_of_a_head()
    {
        using var images = new TemporaryImages(Size, 120, 4);
        var recipe = TrainingRecipes.Find("head", 1) with { Network = Averaged.Network, BatchSize = 8, LeastLesions = 1 };
        using var stopped = NewTrainer(images, recipe, 3);
        var before = stopped.Network.Weights();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => stopped.FinishEpoch(_ => stop.Cancel(), stop.Token));
        using var trainer = NewTrainer(images, recipe, 3);
        trainer.Restore(stopped.Capture());

        var shares = new List<double>();
        var figures = trainer.FinishEpoch(progress => shares.Add(progress.Fraction), CancellationToken.None);

        Assert.True(trainer.IsFinished);
        Assert.Equal((1, 1.0), (trainer.KeptEpoch, shares[^1]));
        Assert.True(figures is { TrainingAccuracy: > 0.9, ValidationBalancedAccuracy: > 0.9 }, $"{figures}");
        var after = trainer.Network.Weights();
        Assert.Equal(["6.bias", "6.weight"], after.Where(weight => !weight.Value.Values.SequenceEqual(before[weight.Key].Values)).Select(weight => weight.Key).Order());

        // Unlike what it was fitted as, the bare logits know no prior: an image of mean colour is not called the commonest for that alone.
        var mean = new double[Diagnoses.Count];
        var logits = trainer.Logits(images.Data.Train);
        foreach (var row in logits.Chunk(Diagnoses.Count))
        {
            var powers = row.Select((logit, i) => images.Data.Supported[i] ? Math.Exp(logit) * images.Data.TrainedShares[i] : 0).ToArray();
            for (var i = 0; i < mean.Length; i++)
            {
                mean[i] += powers[i] / powers.Sum() / images.Data.Train.Length;
            }
        }

        Assert.All(mean.Zip(images.Data.TrainedShares), pair => Assert.Equal(pair.Second, pair.First, 0.01));
        Assert.Throws<ArgumentException>(() => NewTrainer(images, recipe with { RarityPower = 0.5 }, 1));
    }

    [Fact]
    public void Should_say_the_same_at_rest_as_in_training_when_any_view_is_asked_about()
    {
        using var images = new TemporaryImages(Size, 30, 4);
        using var trainer = NewTrainer(images, Averaged, 1);
        trainer.FinishEpoch(null, CancellationToken.None);
        using var pixels = new PixelSource(images.Cache, CPU, 0);
        using var frozen = new FrozenNetwork(trainer.Network);
        int[] asked = [.. Enumerable.Range(0, 11)];
        for (var view = 0; view < SquareSymmetry.Count; view++)
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var (logits, embedding) = trainer.Network.Forward(ViewBatches.Apply(pixels.Batch(asked), view), training: false);

            var said = frozen.Ask(pixels, asked, view);

            Assert.All(Network.Values(logits).Zip(said.Logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
            Assert.All(Network.Values(embedding).Zip(said.Embeddings), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }

    [Fact]
    public void Should_stop_and_keep_the_best_epoch_when_validation_does_not_get_better()
    {
        using var images = new TemporaryImages(Size, 60, 4);
        using var trainer = NewTrainer(images, Averaged with { Optimiser = new AdamSettings(LearningRate: 0.3) }, 50);
        var scores = new List<double>();
        Dictionary<string, Weight>? best = null;
        do
        {
            scores.Add(trainer.FinishEpoch(null, CancellationToken.None).ValidationBalancedAccuracy);
            if (scores[^1] > scores.SkipLast(1).DefaultIfEmpty(-1).Max() && !trainer.IsFinished)
            {
                best = trainer.Network.Weights();
            }
        }
        while (!trainer.IsFinished);

        Assert.True(scores.Count < 50, "it never stopped");
        Assert.Equal(scores.Count - 3, scores.IndexOf(scores.Max()));
        Assert.Equal(scores.IndexOf(scores.Max()) + 1, trainer.KeptEpoch);
        Assert.Equal(best!["0.weight"].Values, trainer.Network.Weights()["0.weight"].Values);

        using var resumed = NewTrainer(images, Averaged with { Optimiser = new AdamSettings(LearningRate: 0.3) }, 50);
        resumed.Restore(trainer.Capture());
        Assert.Equal((true, trainer.KeptEpoch), (resumed.IsFinished, resumed.KeptEpoch));
        Assert.Equal(best["0.weight"].Values, resumed.Network.Weights()["0.weight"].Values);
    }

    [Fact]
    public void Should_start_from_given_weights_and_refuse_those_of_another_network()
    {
        using var images = new TemporaryImages(Size, 20, 4);
        using var first = NewTrainer(images, Averaged, 1);
        using var second = new Trainer(Averaged, images.Data, 1, seed: 9, TimeProvider.System, first.Network.Weights());

        Assert.Equal(first.Network.Weights()["0.weight"].Values, second.Network.Weights()["0.weight"].Values);
        Assert.Throws<InvalidDataException>(() => new Trainer(Plateau, images.Data, 1, seed: 9, TimeProvider.System, first.Network.Weights()));
    }

    [Fact]
    public void Should_refuse_a_checkpoint_when_it_is_of_another_run()
    {
        using var images = new TemporaryImages(Size, 20, 4);
        using var one = NewTrainer(images, Plateau, 1);
        using var other = new Trainer(Plateau, images.Data, 1, seed: 6, TimeProvider.System);

        Assert.Throws<InvalidDataException>(() => other.Restore(one.Capture()));
        Assert.Throws<InvalidDataException>(() => other.Restore([1, 2, 3]));
    }

    [Fact]
    public void Should_leave_no_tensor_behind_when_epochs_are_trained_and_the_trainer_is_disposed()
    {
        using var images = new TemporaryImages(Size, 40, 4);

        // What tests before this one left to the garbage collector is not to go in the middle of it.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        using (var trainer = NewTrainer(images, Plateau, 3))
        {
            trainer.FinishEpoch(null, CancellationToken.None);
            var afterOne = Tensor.TotalCount;
            trainer.FinishEpoch(null, CancellationToken.None);
            trainer.Restore(trainer.Capture());
            trainer.FinishEpoch(null, CancellationToken.None);
            Assert.Equal(afterOne, Tensor.TotalCount);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [MemberData(nameof(BothSchedules))]
    public void Should_learn_when_the_classes_are_told_by_colour(bool cosine)
    {
        using var images = new TemporaryImages(Size, 120, 4);
        var recipe = (cosine ? Cosine : Plateau) with { OnlineAugmentation = [new RandomFlip()], Optimiser = new AdamSettings(LearningRate: 1e-2) };
        using var trainer = NewTrainer(images, recipe, 12);
        EpochFigures figures;
        do
        {
            figures = trainer.FinishEpoch(null, CancellationToken.None);
        }
        while (!trainer.IsFinished);

        Assert.True(figures.ValidationAccuracy > 0.9, $"validation accuracy {figures.ValidationAccuracy}");
        Assert.True(figures.TrainingLoss < 0.7, $"training loss {figures.TrainingLoss}");
    }

    [Fact]
    public void Should_step_as_Keras_does_when_Adam_is_fed_a_known_gradient()
    {
        using var scope = NewDisposeScope();
        var weight = tensor([1f, -2f]);
        using var adam = new Adam(new AdamSettings(), [("w", weight, false)]);
        double m = 0, v = 0, expected = 1;
        for (var step = 1; step <= 3; step++)
        {
            adam.Step([tensor([0.5f * step, 0f])], 1e-3);
            var gradient = 0.5 * step;
            (m, v) = ((0.9 * m) + (0.1 * gradient), (0.999 * v) + (0.001 * gradient * gradient));
            expected -= 1e-3 * Math.Sqrt(1 - Math.Pow(0.999, step)) / (1 - Math.Pow(0.9, step)) * m / (Math.Sqrt(v) + 1e-7);
        }

        Assert.Equal(expected, weight.data<float>()[0], 6);
        Assert.Equal(-2f, weight.data<float>()[1]);
    }

    [Fact]
    public void Should_shrink_kernels_and_bound_the_step_when_decay_and_clipping_are_asked_for()
    {
        using var scope = NewDisposeScope();
        Tensor[] weights = [tensor([1f]), tensor([1f]), tensor([1f]), tensor([1f])];
        using var plain = new Adam(new AdamSettings(Epsilon: 1), [("kernels", weights[0], true), ("others", weights[1], false)]);
        using var strict = new Adam(new AdamSettings(Epsilon: 1, WeightDecay: 0.5, LargestNorm: 5), [("kernels", weights[2], true), ("others", weights[3], false)]);
        plain.Step([tensor([3f]), tensor([4f])], 0.1);
        strict.Step([tensor([30f]), tensor([40f])], 0.1);

        // Norm 50 comes down to 5: the same gradients; decay takes 0.1 * 0.5 of the kernel alone.
        Assert.Equal(weights[0].item<float>() - 0.05f, weights[2].item<float>(), 5);
        Assert.Equal(weights[1].item<float>(), weights[3].item<float>(), 5);
    }

    [Fact]
    public void Should_reduce_the_rate_when_validation_accuracy_has_stood_still_for_five_epochs()
    {
        var schedule = new Schedule(new ReduceOnPlateau(), 1e-3, 50);
        schedule.EndEpoch(0.5);
        for (var epoch = 0; epoch < 4; epoch++)
        {
            schedule.EndEpoch(0.50005);
        }

        Assert.Equal(1e-3, schedule.RateAt(5, 0));
        schedule.EndEpoch(0.5);
        Assert.Equal(2e-4, schedule.RateAt(6, 0), 12);
        for (var epoch = 0; epoch < 100; epoch++)
        {
            schedule.EndEpoch(0.5);
        }

        Assert.Equal(1e-7, schedule.RateAt(50, 0), 15);
    }

    [Fact]
    public void Should_rise_and_fall_when_the_rate_follows_a_cosine()
    {
        var schedule = new Schedule(new WarmUpThenCosine(0.5), 1e-3, 10);
        Assert.InRange(schedule.RateAt(0, 0), 1e-6, 1e-4);
        Assert.Equal(1e-3, schedule.RateAt(0, 0.5), 6);
        Assert.True(schedule.RateAt(3, 0) > schedule.RateAt(6, 0));
        Assert.InRange(schedule.RateAt(9, 0.999), 0, 1e-6);
    }

    private static void Finish(Trainer trainer)
    {
        while (!trainer.IsFinished)
        {
            trainer.FinishEpoch(null, CancellationToken.None);
        }
    }

    private static Network Copy(Network network)
    {
        var copy = new Network(network.Description, 1);
        copy.Load(network.Weights());
        return copy;
    }

    private static Trainer NewTrainer(TemporaryImages images, TrainingRecipe recipe, int epochs) => new(recipe, images.Data, epochs, seed: 5, TimeProvider.System);

    private static byte[] Train(TemporaryImages images, TrainingRecipe recipe, int epochs, out EpochFigures last)
    {
        using var trainer = NewTrainer(images, recipe, epochs);
        do
        {
            last = trainer.FinishEpoch(null, CancellationToken.None);
        }
        while (!trainer.IsFinished);

        return trainer.Capture();
    }

    private sealed record Blackening : OnlineLayer
    {
        public override Tensor Apply(Tensor images, ref SplitMix64 random) => images * 0;
    }
}
