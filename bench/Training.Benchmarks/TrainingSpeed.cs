using System.Diagnostics;
using Melanoma.Contracts;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;
using static TorchSharp.torch;

namespace Melanoma.Training.Benchmarks;

/// <summary>How many images a second the trainer of a recipe takes, on drawn pictures.</summary>
internal sealed class TrainingSpeed(TrainingRecipe recipe, int side, TrainerSettings settings)
{
    /// <summary>Forward, backward and optimiser on one batch that is there already, over and over.</summary>
    public double StepAlone(int steps)
    {
        using var network = new Network(recipe.Network, seed: 1, settings.Device);
        using var adam = new Adam(recipe.Optimiser, [("kernels", network.Kernels, true), ("others", network.Others, false)]);
        using var outer = NewDisposeScope();
        var images = randint(0, 256, [recipe.BatchSize, side, side, 3], device: settings.Device).to(ScalarType.Byte);
        var labels = randint(0, Diagnoses.Count, [recipe.BatchSize], device: settings.Device);
        Step();
        var watch = Stopwatch.StartNew();
        for (var step = 0; step < steps; step++)
        {
            Step();
        }

        return steps * recipe.BatchSize / watch.Elapsed.TotalSeconds;

        void Step()
        {
            using var scope = NewDisposeScope();
            var loss = nn.functional.cross_entropy(network.Forward(images, training: true, settings.Precision).Logits, labels);
            adam.Step([.. autograd.grad([loss], [network.Kernels, network.Others])], 1e-3);
            _ = loss.item<float>();
        }
    }

    /// <summary>The training part of a whole epoch of the product's trainer.</summary>
    /// <param name="augmented">Whether with the recipe's online augmentation.</param>
    public double Epoch(int steps, bool augmented)
    {
        // With augmentation the pictures are of the network's side and random views of the epoch's, as in the product.
        var measured = recipe with
        {
            GrowingSides = [side],
            LeastLesions = 1,
            Network = augmented ? recipe.Network : recipe.Network with { InputSize = side },
            OnlineAugmentation = augmented ? recipe.OnlineAugmentation : [],
        };
        var path = Path.GetTempFileName();
        try
        {
            var count = steps * recipe.BatchSize;
            Draw(path, count + 1, measured.Network.InputSize);
            using var cache = new ImageCache(path, measured.Network.InputSize);
            var data = new TrainingData(cache,
            [
                .. Enumerable.Range(0, count).Select(i => new Sample(i, Split.Train, DiagnosisSet.Of((Diagnosis)(i % Diagnoses.Count)), i, IsVariant: false)),
                new(count, Split.Validation, DiagnosisSet.Of(Diagnosis.Nevus), count, IsVariant: false),
            ]);
            using var trainer = new Trainer(measured, data, epochs: 2, seed: 1, TimeProvider.System, start: null, settings);
            trainer.FinishEpoch(null, CancellationToken.None);
            return trainer.FinishEpoch(null, CancellationToken.None).ImagesPerSecond;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Draw(string path, int count, int size)
    {
        using var file = File.Create(path);
        for (var i = 0; i < count; i++)
        {
            file.Write(ParityCheck.Smooth(1, size));
        }
    }
}
