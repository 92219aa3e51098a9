using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>
/// Trains a recipe on data, step by step. Order of images, augmentation and dropout are drawn anew from (seed, epoch, step), so the state
/// between any two steps is weights, moments, schedule and position; from <see cref="Capture"/> another worker goes on to the same numbers.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int EvaluationBatch = 64;
    private const int FormatVersion = 1;

    private readonly TrainingRecipe _recipe;
    private readonly TrainingData _data;
    private readonly TimeProvider _time;
    private readonly int _epochs;
    private readonly long _seed;
    private readonly Adam _adam;
    private readonly Schedule _schedule;
    private readonly Tensor[] _weights;
    private readonly Tensor _trainingOffset;
    private int[] _order = [];
    private int _orderedEpoch = -1;
    private double _lossSum;
    private int _right;
    private int _seen;

    public Trainer(TrainingRecipe recipe, TrainingData data, int epochs, long seed, TimeProvider time, Device? device = null)
    {
        if (data.Images.Size != recipe.Network.InputSize)
        {
            throw new ArgumentException($"{recipe.Network.Name} takes {recipe.Network.InputSize} pixels; the cache has {data.Images.Size}.", nameof(data));
        }

        (_recipe, _data, _epochs, _seed, _time) = (recipe, data, epochs, seed, time);
        Network = new Network(recipe.Network, seed, device);
        var trained = Network.Trained;
        _weights = [.. trained.Select(weight => weight.Tensor)];
        _adam = new Adam(recipe.Optimiser, trained);
        _schedule = new Schedule(recipe.Schedule, recipe.Optimiser.LearningRate, epochs);
        using var scope = NewDisposeScope();
        _trainingOffset = tensor(TrainingOffset(recipe, data), [1, Diagnoses.Count]).to(Network.Device).DetachFromDisposeScope();
    }

    public Network Network { get; }

    /// <summary>Whole epochs behind it.</summary>
    public int Epoch { get; private set; }

    /// <summary>Steps behind it in the running epoch.</summary>
    public int Step { get; private set; }

    public bool IsFinished => Epoch >= _epochs;

    private int StepsPerEpoch => (_data.Train.Length + _recipe.BatchSize - 1) / _recipe.BatchSize;

    /// <summary>How the served graph turns logits into probabilities, before any temperature is fitted.</summary>
    public OutputRule Rule => new(1, _data.Supported, ServedOffset(_recipe, _data));

    /// <summary>The class shares at which <see cref="Rule"/> states its probabilities.</summary>
    public double[] Prior => _recipe.Balancing == ClassBalancing.LogitAdjustment ? _data.LesionShares : _data.TrainedShares;

    /// <summary>Trains to the end of the running epoch and judges it on validation.</summary>
    /// <exception cref="OperationCanceledException">Stopped between two steps; the state is whole.</exception>
    /// <exception cref="TrainingDivergedException">The loss is no number any more.</exception>
    public EpochFigures FinishEpoch(Action<EpochProgress>? progress, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var firstStep = Step;
        while (Step < StepsPerEpoch)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TakeStep(RateAt(Step));
            progress?.Invoke(new EpochProgress(Epoch + 1, (double)Step / StepsPerEpoch, Speed()));
        }

        var speed = Speed();
        cancellationToken.ThrowIfCancellationRequested();
        var validation = Judgement.Of(Rule, Prior, Logits(_data.Validation), _data.Validation);
        var figures = new EpochFigures(
            Epoch + 1, _lossSum / _seen, (double)_right / _seen, validation.Loss, validation.Accuracy, validation.BalancedAccuracy, RateAt(StepsPerEpoch - 1),
            _time.GetElapsedTime(started).TotalSeconds, speed);
        _schedule.EndEpoch(validation.Accuracy);
        Epoch++;
        (Step, _lossSum, _right, _seen) = (0, 0, 0, 0);
        return figures;

        double RateAt(int step) => _schedule.RateAt(Epoch, (double)step / StepsPerEpoch);

        double Speed() => Math.Min(_data.Train.Length, (Step - firstStep) * _recipe.BatchSize) / Math.Max(1e-9, _time.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>The bare logits of pictures as they are, nine per picture.</summary>
    public float[] Logits(IReadOnlyList<Sample> samples)
    {
        using var quiet = no_grad();
        var logits = new float[samples.Count * Diagnoses.Count];
        for (var from = 0; from < samples.Count; from += EvaluationBatch)
        {
            using var scope = NewDisposeScope();
            var batch = samples.Skip(from).Take(EvaluationBatch).ToArray();
            Network.Values(Network.Forward(Load(batch), training: false).Logits).CopyTo(logits, from * Diagnoses.Count);
        }

        return logits;
    }

    /// <summary>Everything that <see cref="Restore"/> needs, in one file.</summary>
    public byte[] Capture()
    {
        var tensors = Network.Weights();
        foreach (var (name, moment) in _adam.Moments())
        {
            tensors[name] = moment;
        }

        var state = new Dictionary<string, string>
        {
            ["format"] = Invariant(FormatVersion),
            ["network"] = _recipe.Network.Name,
            ["seed"] = Invariant(_seed),
            ["epoch"] = Invariant(Epoch),
            ["step"] = Invariant(Step),
            ["adam.steps"] = Invariant(_adam.Steps),
            ["loss"] = _lossSum.ToString("R", CultureInfo.InvariantCulture),
            ["right"] = Invariant(_right),
            ["seen"] = Invariant(_seen),
        };
        _schedule.Save(state);
        return SafeTensors.Write(tensors, state);
    }

    /// <exception cref="InvalidDataException">The state is not of this run or of another format.</exception>
    public void Restore(ReadOnlySpan<byte> captured)
    {
        var (tensors, state) = SafeTensors.Read(captured);
        if (state.GetValueOrDefault("format") != Invariant(FormatVersion)
            || state.GetValueOrDefault("network") != _recipe.Network.Name
            || state.GetValueOrDefault("seed") != Invariant(_seed))
        {
            throw new InvalidDataException("The checkpoint is of another run or of another version of the worker.");
        }

        Network.Load(tensors);
        _adam.Load(tensors);
        _adam.Steps = Number("adam.steps");
        _schedule.Load(state);
        (Epoch, Step, _right, _seen) = ((int)Number("epoch"), (int)Number("step"), (int)Number("right"), (int)Number("seen"));
        _lossSum = double.Parse(state["loss"], CultureInfo.InvariantCulture);

        long Number(string name) => long.Parse(state[name], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _trainingOffset.Dispose();
        _adam.Dispose();
        Network.Dispose();
    }

    private static string Invariant(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Added to the logits in the loss: the mask of unsupported diagnoses and, with logit adjustment, ln(share trained on).</summary>
    private static float[] TrainingOffset(TrainingRecipe recipe, TrainingData data) =>
    [
        .. Enumerable.Range(0, Diagnoses.Count).Select(i =>
            !data.Supported[i] ? OutputRule.Masked : recipe.Balancing == ClassBalancing.LogitAdjustment ? (float)Math.Log(data.TrainedShares[i]) : 0),
    ];

    private static double[] ServedOffset(TrainingRecipe recipe, TrainingData data) =>
    [
        .. Enumerable.Range(0, Diagnoses.Count).Select(i =>
            data.Supported[i] && recipe.Balancing == ClassBalancing.LogitAdjustment ? Math.Log(data.LesionShares[i]) : 0),
    ];

    private void TakeStep(double rate)
    {
        using var scope = NewDisposeScope();
        var batch = Batch();
        manual_seed((long)(SplitMix64.At(_seed, Epoch, Step, 1).Next() >> 1));
        var images = Load(batch);
        var random = SplitMix64.At(_seed, Epoch, Step, 2);
        foreach (var layer in _recipe.OnlineAugmentation)
        {
            images = layer.Apply(images, ref random);
        }

        var logits = Network.Forward(images, training: true).Logits + _trainingOffset;
        var targets = Targets(batch);

        // -ln of the probability of the label's set; for one diagnosis that is the usual cross-entropy.
        var losses = logits.logsumexp(1) - (logits + targets).logsumexp(1);
        var gradients = autograd.grad([losses.mean()], _weights);
        _adam.Step([.. gradients], rate);

        var loss = losses.sum().item<float>();
        if (!float.IsFinite(loss))
        {
            throw new TrainingDivergedException(Epoch + 1, Step + 1);
        }

        _lossSum += loss;
        var chosen = logits.argmax(1).cpu().data<long>();
        _right += batch.Where((sample, i) => sample.Label.Contains((Diagnosis)chosen[i])).Count();
        _seen += batch.Length;
        Step++;
    }

    private Sample[] Batch()
    {
        if (_orderedEpoch != Epoch)
        {
            _order = [.. Enumerable.Range(0, _data.Train.Length)];
            SplitMix64.At(_seed, Epoch, 0).Shuffle(_order.AsSpan());
            _orderedEpoch = Epoch;
        }

        return [.. _order.Skip(Step * _recipe.BatchSize).Take(_recipe.BatchSize).Select(i => _data.Train[i])];
    }

    private Tensor Load(Sample[] batch)
    {
        var cache = _data.Images;
        var images = empty([batch.Length, cache.Size, cache.Size, 3], ScalarType.Byte);
        var bytes = images.bytes;
        for (var i = 0; i < batch.Length; i++)
        {
            cache[batch[i].Image].CopyTo(bytes[(i * cache.BytesPerImage)..]);
        }

        return images.to(Network.Device);
    }

    /// <summary>0 for the diagnoses of each label, far below for the others.</summary>
    private Tensor Targets(Sample[] batch)
    {
        var targets = new float[batch.Length * Diagnoses.Count];
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = batch[i / Diagnoses.Count].Label.Contains((Diagnosis)(i % Diagnoses.Count)) ? 0 : OutputRule.Masked;
        }

        return tensor(targets, [batch.Length, Diagnoses.Count]).to(Network.Device);
    }
}

/// <summary>The loss is not a number any more; the same run would come here again.</summary>
internal sealed class TrainingDivergedException(int epoch, int step)
    : Exception($"Training diverged: the loss is not a number after step {step} of epoch {epoch}.");
