using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;
using Melanoma.Training.Recipes.Augmentation;
using TorchSharp;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>
/// Trains a recipe on data, step by step. Order of images, augmentation and dropout are drawn anew from (seed, epoch, step), so the state
/// between any two steps is weights, moments, average, schedule and position; from <see cref="Capture"/> another worker goes on to the same numbers.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int EvaluationBatch = 128;
    private const int FormatVersion = 3;

    /// <summary>Version 2 counted right answers in whole numbers; a worker that knows no other must not read later ones.</summary>
    private const int OldestFormat = 2;

    /// <summary>Reading a number from an accelerator waits until it has done all that it was asked.</summary>
    private const int StepsBetweenLooks = 20;

    private readonly TrainingRecipe _recipe;
    private readonly TrainingData _data;
    private readonly TimeProvider _time;
    private readonly int _epochs;
    private readonly long _seed;
    private readonly Network _trained;
    private readonly Network? _average;
    private readonly Adam _adam;
    private readonly Schedule _schedule;
    private readonly Sampling _sampling;
    private readonly PixelSource _pixels;
    private readonly ScalarType _precision;
    private readonly Tensor _trainingOffset;
    private readonly Tensor _sums;
    private readonly BestEpoch? _best;
    private readonly Teachers? _teachers;
    private int[] _order = [];
    private int _orderedEpoch = -1;
    private double _lossSum;
    private double _right;
    private int _seen;

    /// <param name="start">Weights to start from, by the names of <see cref="NetworkDescription.Slots"/>; null for random ones.</param>
    /// <param name="settings">What it calculates on and in; null for the CPU.</param>
    /// <param name="teachers">What it learns from besides the labels; they stay the caller's.</param>
    /// <exception cref="InvalidDataException">The weights do not fit the recipe's network.</exception>
    public Trainer(
        TrainingRecipe recipe,
        TrainingData data,
        int epochs,
        long seed,
        TimeProvider time,
        IReadOnlyDictionary<string, Weight>? start = null,
        TrainerSettings? settings = null,
        Teachers? teachers = null)
    {
        if (data.Images.Size != recipe.Network.InputSize)
        {
            throw new ArgumentException($"{recipe.Network.Name} takes {recipe.Network.InputSize} pixels; the cache has {data.Images.Size}.", nameof(data));
        }

        if (recipe is { HeadPenalty: not null, AverageDecay: not null } or { HeadPenalty: not null, RarityPower: not 0 })
        {
            throw new ArgumentException("A head is fitted at once, to each picture once: there is nothing to average, and no picture is shown more often.", nameof(recipe));
        }

        settings ??= TrainerSettings.Cpu;
        (_recipe, _data, _epochs, _seed, _time, _precision, _teachers) = (recipe, data, epochs, seed, time, settings.Precision, teachers);
        _trained = new Network(recipe.Network, seed, settings.Device);
        if (start is not null)
        {
            _trained.Load(start);
        }

        if (recipe.AverageDecay is not null)
        {
            _average = new Network(recipe.Network, seed, settings.Device);
            _average.Load(_trained.Weights());
        }

        _adam = new Adam(recipe.Optimiser, [("kernels", _trained.Kernels, true), ("others", _trained.Others, false)]);
        _schedule = new Schedule(recipe.Schedule, recipe.Optimiser.LearningRate, epochs);
        _sampling = new Sampling(data, recipe.RarityPower);
        _pixels = new PixelSource(data.Images, settings.Device, settings.ResidentBytes);
        _best = recipe.Patience is { } patience ? new BestEpoch(patience) : null;
        using var scope = NewDisposeScope();
        _trainingOffset = tensor(TrainingOffset(), [1, Diagnoses.Count]).to(settings.Device).DetachFromDisposeScope();
        _sums = zeros(2, ScalarType.Float64, settings.Device).DetachFromDisposeScope();
    }

    /// <summary>The network that is judged and served: the averaged one where the recipe averages.</summary>
    public Network Network => _average ?? _trained;

    /// <summary>Whole epochs behind it.</summary>
    public int Epoch { get; private set; }

    /// <summary>Steps behind it in the running epoch.</summary>
    public int Step { get; private set; }

    public bool IsFinished => Epoch >= _epochs || (Epoch > 0 && _recipe.HeadPenalty is not null) || _best is { IsOutOfPatience: true };

    /// <summary>The epoch, counted from 1, whose weights <see cref="Network"/> has once training is finished; 0 before the first.</summary>
    public int KeptEpoch => _best is { Weights: not null } best ? Epoch - best.Since : Epoch;

    private int StepsPerEpoch => (_data.Train.Length + _recipe.BatchSize - 1) / _recipe.BatchSize;

    /// <summary>How the served graph turns logits into probabilities, before any temperature is fitted.</summary>
    public OutputRule Rule => new(1, _data.Supported, ServedOffset(_recipe, _data));

    /// <summary>The class shares at which <see cref="Rule"/> states its probabilities.</summary>
    public double[] Prior => _recipe.Balancing == ClassBalancing.LogitAdjustment ? _data.LesionShares : _sampling.Shares;

    /// <summary>Trains to the end of the running epoch and judges it on validation. After the last epoch the network is that of the best one, if the recipe asks for it.</summary>
    /// <exception cref="OperationCanceledException">Stopped between two steps; the state is whole.</exception>
    /// <exception cref="TrainingDivergedException">The loss is no number any more.</exception>
    public EpochFigures FinishEpoch(Action<EpochProgress>? progress, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var firstStep = _recipe.HeadPenalty is null ? Step : 0;
        if (_recipe.HeadPenalty is { } penalty)
        {
            FitHead(penalty, Tell, cancellationToken);
        }
        else
        {
            TakeSteps(RateAt, Tell, cancellationToken);
        }

        var speed = Speed();
        cancellationToken.ThrowIfCancellationRequested();
        var validation = Judgement.Of(Rule, Prior, Logits(_data.Validation), _data.Validation);
        var figures = new EpochFigures(
            Epoch + 1, _lossSum / _seen, _right / _seen, validation.Loss, validation.Accuracy, validation.BalancedAccuracy,
            _recipe.HeadPenalty is null ? RateAt(StepsPerEpoch - 1) : 0,
            _time.GetElapsedTime(started).TotalSeconds, speed);
        _schedule.EndEpoch(validation.Accuracy);
        _best?.EndEpoch(validation.BalancedAccuracy, Network);
        Epoch++;
        (Step, _lossSum, _right, _seen) = (0, 0, 0, 0);
        TakeBestIfFinished();
        return figures;

        void Tell() => progress?.Invoke(new EpochProgress(Epoch + 1, (double)Step / StepsPerEpoch, Speed()));

        double RateAt(int step) => _schedule.RateAt(Epoch, (double)step / StepsPerEpoch);

        double Speed() => Math.Min(_data.Train.Length, (Step - firstStep) * _recipe.BatchSize) / Math.Max(1e-9, _time.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>The bare logits of pictures as they are, nine per picture.</summary>
    /// <param name="view">Which of the eight turned and mirrored views is looked at; see <see cref="SquareSymmetry"/>.</param>
    public float[] Logits(IReadOnlyList<Sample> samples, int view = 0) => Ask(samples, view).Logits;

    /// <summary>As <see cref="Logits"/>, with the embeddings.</summary>
    public (float[] Logits, float[][] Embeddings) Ask(IReadOnlyList<Sample> samples, int view = 0)
    {
        using var frozen = new FrozenNetwork(Network);
        var (logits, embeddings) = (new float[samples.Count * Diagnoses.Count], new List<float[]>(samples.Count));
        foreach (var batch in samples.Select(sample => sample.Image).Chunk(EvaluationBatch))
        {
            var (said, embedded) = frozen.Ask(_pixels, batch, view);
            said.CopyTo(logits, embeddings.Count * Diagnoses.Count);
            embeddings.AddRange(embedded.Chunk(embedded.Length / batch.Length));
        }

        return (logits, [.. embeddings]);
    }

    /// <summary>Everything that <see cref="Restore"/> needs, in one file.</summary>
    public byte[] Capture()
    {
        ReadSums();
        var tensors = _trained.Weights();
        Add("average.", _average?.Weights());
        Add("best.", _best?.Weights);
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
            ["right"] = _right.ToString("R", CultureInfo.InvariantCulture),
            ["seen"] = Invariant(_seen),
        };
        _schedule.Save(state);
        _best?.Save(state);
        return SafeTensors.Write(tensors, state);

        void Add(string prefix, IReadOnlyDictionary<string, Weight>? weights)
        {
            foreach (var (name, weight) in weights ?? new Dictionary<string, Weight>())
            {
                tensors[prefix + name] = weight;
            }
        }
    }

    /// <exception cref="InvalidDataException">The state is not of this run or of another format.</exception>
    public void Restore(ReadOnlySpan<byte> captured)
    {
        var (tensors, state) = SafeTensors.Read(captured);
        if (!int.TryParse(state.GetValueOrDefault("format"), CultureInfo.InvariantCulture, out var format) || format is < OldestFormat or > FormatVersion
            || state.GetValueOrDefault("network") != _recipe.Network.Name
            || state.GetValueOrDefault("seed") != Invariant(_seed))
        {
            throw new InvalidDataException("The checkpoint is of another run or of another version of the worker.");
        }

        using (NewDisposeScope())
        {
            _sums.zero_();
        }

        _trained.Load(tensors);
        _average?.Load(Under("average."));
        _best?.Load(state, Under("best."));
        _adam.Load(tensors);
        _adam.Steps = Number("adam.steps");
        _schedule.Load(state);
        (Epoch, Step, _seen) = ((int)Number("epoch"), (int)Number("step"), (int)Number("seen"));
        (_lossSum, _right) = (double.Parse(state["loss"], CultureInfo.InvariantCulture), double.Parse(state["right"], CultureInfo.InvariantCulture));
        TakeBestIfFinished();

        long Number(string name) => long.Parse(state[name], CultureInfo.InvariantCulture);

        Dictionary<string, Weight> Under(string prefix) => tensors
            .Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);
    }

    public void Dispose()
    {
        _trainingOffset.Dispose();
        _sums.Dispose();
        _pixels.Dispose();
        _adam.Dispose();
        _average?.Dispose();
        _trained.Dispose();
    }

    private static string Invariant(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Added to the logits in the loss: the mask of unsupported diagnoses and, with logit adjustment, ln(share trained on).</summary>
    private float[] TrainingOffset() =>
    [
        .. Enumerable.Range(0, Diagnoses.Count).Select(i =>
            !_data.Supported[i] ? OutputRule.Masked : _recipe.Balancing == ClassBalancing.LogitAdjustment ? (float)Math.Log(_sampling.Shares[i]) : 0),
    ];

    private static double[] ServedOffset(TrainingRecipe recipe, TrainingData data) =>
    [
        .. Enumerable.Range(0, Diagnoses.Count).Select(i =>
            data.Supported[i] && recipe.Balancing == ClassBalancing.LogitAdjustment ? Math.Log(data.LesionShares[i]) : 0),
    ];

    private void TakeSteps(Func<int, double> rate, Action tell, CancellationToken cancellationToken)
    {
        while (Step < StepsPerEpoch)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TakeStep(rate(Step));
            if (_trained.Device.type == DeviceType.CPU || Step % StepsBetweenLooks == 0 || Step == StepsPerEpoch)
            {
                ReadSums();
                tell();
            }
        }
    }

    private void FitHead(double penalty, Action tell, CancellationToken cancellationToken)
    {
        // What was embedded before a stop is not kept.
        Step = 0;
        var rows = LastLayer.Embed(_trained, _pixels, _data.Train, _recipe.BatchSize, Embedded, cancellationToken);
        var head = LastLayer.Fit(rows, [.. _data.Train.Select(sample => sample.Label)], _data.Supported, penalty, cancellationToken);

        // It was fitted as cross-entropy of logits that know the shares trained on; what the network says does not.
        var bias = head.Bias.Zip(TrainingOffset(), (value, offset) => offset == OutputRule.Masked ? 0 : value - offset).ToArray();
        var last = NetworkDescription.PathOf("", _recipe.Network.Layers.Length - 1);
        var weights = _trained.Weights();
        weights[$"{last}.weight"] = weights[$"{last}.weight"] with { Values = head.Kernel };
        weights[$"{last}.bias"] = weights[$"{last}.bias"] with { Values = bias };
        _trained.Load(weights);
        (_lossSum, _right, _seen) = (head.Loss * rows.Length, head.Accuracy * rows.Length, rows.Length);

        void Embedded()
        {
            Step++;
            tell();
        }
    }

    private void TakeStep(double rate)
    {
        using var scope = NewDisposeScope();
        var batch = Batch();
        manual_seed((long)(SplitMix64.At(_seed, Epoch, Step, 1).Next() >> 1));
        var (pictures, undamaged, mixed) = Augmented(batch);
        var logits = _trained.Forward(pictures, training: true, _precision).Logits + _trainingOffset;
        var targets = Targets(batch);
        var losses = Losses(logits, targets);
        var rights = Rights(logits, targets);
        if (mixed is not null)
        {
            // A mixed picture has both labels, each as much as it is seen.
            var partners = targets.index_select(0, tensor(mixed.Partners).to(_trained.Device, non_blocking: true));
            var kept = tensor(mixed.Kept).to(_trained.Device, non_blocking: true);
            losses = Losses(logits, partners).lerp(losses, kept);
            rights = Rights(logits, partners).lerp(rights, kept);
        }

        var gradients = autograd.grad([Taught(losses, logits, undamaged).mean()], [_trained.Kernels, _trained.Others]);
        _adam.Step([.. gradients], rate);
        if (_recipe.AverageDecay is { } decay)
        {
            // Young averages follow faster, so that the start is soon forgotten.
            _average!.MoveTowards(_trained, 1 - Math.Min(decay, (1.0 + _adam.Steps) / (10.0 + _adam.Steps)));
        }

        using var quiet = no_grad();
        _sums.add_(stack([losses.sum().to(ScalarType.Float64), rights.to(ScalarType.Float64).sum()]));
        _seen += batch.Length;
        Step++;
    }

    /// <summary>What is made small: the losses at the labels or, with teachers, in part the cross-entropy of their probabilities and the network's.</summary>
    private Tensor Taught(Tensor losses, Tensor logits, Tensor undamaged)
    {
        if (_teachers is null)
        {
            return losses;
        }

        var random = SplitMix64.At(_seed, Epoch, Step, 3);
        var said = _teachers.Probabilities(undamaged, _trainingOffset, _precision, ref random);
        return losses.lerp(-(said * logits.log_softmax(1)).sum(1), _teachers.Share);
    }

    /// <summary>-ln of the probability of each label's set; for one diagnosis that is the usual cross-entropy.</summary>
    private static Tensor Losses(Tensor logits, Tensor targets) => logits.logsumexp(1) - (logits + targets).logsumexp(1);

    /// <summary>1 where the largest logit is of a label's set, else 0.</summary>
    private static Tensor Rights(Tensor logits, Tensor targets) => targets.gather(1, logits.argmax(1, keepdim: true)).eq(0).squeeze(1).to(ScalarType.Float32);

    /// <summary>
    /// The batch's pictures after the recipe's online augmentation, of the epoch's side; the same turned, cut and mixed alike but without what changed them after they were last moved, which only
    /// teachers see; and how they were mixed, if they were.
    /// </summary>
    private (Tensor Pictures, Tensor Undamaged, MixedPictures? Mixed) Augmented(Sample[] batch)
    {
        using var quiet = no_grad();
        var images = _pixels.Batch(Array.ConvertAll(batch, sample => sample.Image));
        var random = SplitMix64.At(_seed, Epoch, Step, 2);
        var side = _recipe.SideAt(Epoch, _epochs);
        var undamaged = images;
        foreach (var layer in _recipe.OnlineAugmentation)
        {
            images = layer.At(side).Apply(images, ref random);
            undamaged = layer.MovesPlaces ? images : undamaged;
        }

        if (_recipe.Mixing is not { } mixing)
        {
            return (images, undamaged, null);
        }

        if (_teachers is null)
        {
            var mixed = mixing.Apply(images.to(ScalarType.Float32), ref random);
            return (mixed.Images, mixed.Images, mixed);
        }

        // Both lie behind one another as channels, so that they are mixed alike.
        var both = mixing.Apply(cat([images.to(ScalarType.Float32), undamaged.to(ScalarType.Float32)], 3), ref random);
        return (both.Images.narrow(3, 0, 3).contiguous(), both.Images.narrow(3, 3, 3).contiguous(), both);
    }

    private void ReadSums()
    {
        using var scope = NewDisposeScope();
        var sums = _sums.cpu().data<double>();
        (_lossSum, _right) = (_lossSum + sums[0], _right + sums[1]);
        _sums.zero_();
        if (!double.IsFinite(_lossSum))
        {
            throw new TrainingDivergedException(Epoch + 1, Step);
        }
    }

    private void TakeBestIfFinished()
    {
        if (IsFinished && _best?.Weights is { } best)
        {
            Network.Load(best);
        }
    }

    private Sample[] Batch()
    {
        if (_orderedEpoch != Epoch)
        {
            _order = _sampling.Order(_seed, Epoch);
            _orderedEpoch = Epoch;
        }

        return [.. _order.Skip(Step * _recipe.BatchSize).Take(_recipe.BatchSize).Select(i => _data.Train[i])];
    }

    /// <summary>0 for the diagnoses of each label, far below for the others.</summary>
    private Tensor Targets(Sample[] batch)
    {
        var targets = new float[batch.Length * Diagnoses.Count];
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = batch[i / Diagnoses.Count].Label.Contains((Diagnosis)(i % Diagnoses.Count)) ? 0 : OutputRule.Masked;
        }

        return tensor(targets, [batch.Length, Diagnoses.Count]).to(_trained.Device, non_blocking: true);
    }
}

/// <summary>The loss is not a number any more; the same run would come here again.</summary>
internal sealed class TrainingDivergedException(int epoch, int step)
    : Exception($"Training diverged: the loss is not a number after step {step} of epoch {epoch}.");
