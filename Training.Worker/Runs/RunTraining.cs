using Melanoma.Storage.Datasets;
using Melanoma.Training.CrossValidations;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.LesionViews;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;
using Melanoma.Training.Reports;
using Melanoma.Training.WarmStart;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Training.Runs;

/// <summary>Carries a claimed run from its last checkpoint to a registered candidate, or gives it back.</summary>
internal sealed partial class RunTraining(
    RunLedger ledger,
    DatasetImages images,
    StartVersions startVersions,
    LabelErrorSearch labelErrors,
    LesionViewSearch lesionViews,
    TrainingDevice device,
    IOptions<TrainingOptions> options,
    TimeProvider time,
    ILogger<RunTraining> logger)
{
    /// <summary>Works on the run until it ended, somebody else has it, or the worker stops.</summary>
    /// <returns>False when the surroundings failed and an immediate new attempt would fail as well.</returns>
    public async Task<bool> CarryOutAsync(RunClaim claim, CancellationToken stopping)
    {
        using var activity = TrainingTelemetry.Source.StartActivity("train run");
        activity?.SetTag("melanoma.run", claim.RunId);
        LogTaken(claim.RunId, claim.Recipe, claim.DatasetId, claim.Attempt, claim.FinishedEpochs, claim.Epochs);

        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var heartStop = new CancellationTokenSource();
        var heart = new Heartbeat(ledger, claim, TimeSpan.FromSeconds(options.Value.LeaseSeconds / 3), time, logger);
        var beating = heart.BeatAsync(interrupt, heartStop.Token);
        var outcome = "completed";
        var tryAgainAtOnce = true;
        try
        {
            if (claim.Attempt - claim.FinishedEpochs > options.Value.AttemptsWithoutProgress)
            {
                var last = claim.PreviousError is { } error ? $" The last error was: {error}" : " No attempt left an error, as when a process is killed.";
                throw new HopelessRunException($"The run was taken {claim.Attempt} times and finished {claim.FinishedEpochs} epochs.{last}");
            }

            await TrainAsync(claim, heart, interrupt.Token);
        }
        catch (LeaseLostException)
        {
            outcome = "lost";
            LogLost(claim.RunId);
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            outcome = await LetGoAsync(claim, heart.State);
        }
        catch (Exception exception) when (IsLasting(exception) || exception.Message == claim.PreviousError)
        {
            outcome = "failed";
            LogFailed(exception, claim.RunId);
            await ledger.FailAsync(claim, exception.Message, CancellationToken.None);
        }
        catch (Exception exception)
        {
            // The error stays on the row: the next attempt that ends with the same one ends the run. Other runs must not suffer for this one.
            outcome = "released";
            tryAgainAtOnce = false;
            LogReleased(exception, claim.RunId);
            var surroundings = exception is NpgsqlException or IOException;
            await ledger.ReleaseAsync(claim, surroundings ? claim.PreviousError : exception.Message, CancellationToken.None);
        }
        finally
        {
            await heartStop.CancelAsync();
            await beating;
            Numerics.GiveMemoryBack();
            TrainingTelemetry.Runs.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        }

        return tryAgainAtOnce;
    }

    /// <summary>Errors that the same run would meet again on any worker.</summary>
    private static bool IsLasting(Exception exception) =>
        exception is HopelessRunException or UnknownRecipeException or UnusableDatasetException or TrainingDivergedException or ParityException
            or UnusableStartException;

    private async Task<string> LetGoAsync(RunClaim claim, LeaseState lease)
    {
        switch (lease)
        {
            case LeaseState.PauseRequested:
                LogPaused(claim.RunId);
                return "paused";
            case LeaseState.CancelRequested:
                await ledger.CancelAsync(claim, CancellationToken.None);
                LogCancelled(claim.RunId);
                return "cancelled";
            case LeaseState.Lost:
                LogLost(claim.RunId);
                return "lost";
            default:
                LogHandedBack(claim.RunId);
                return "handed back";
        }
    }

    private async Task TrainAsync(RunClaim claim, Heartbeat heart, CancellationToken cancellationToken)
    {
        var recipe = TrainingRecipes.Find(claim.Recipe, claim.RecipeVersion);
        recipe = claim.Fold is null ? recipe : recipe.WithoutChoices();
        var data = await ReleasingAsync(
            claim, heart, () => images.LoadAsync(claim.DatasetId, claim.AugmentationId, recipe.Network.InputSize, recipe.LeastLesions, claim.Fold, cancellationToken));
        using var pixels = data.Images;
        var (start, notes) = await ReleasingAsync(claim, heart, () => StartAsync(claim, recipe, data, cancellationToken));
        using (var trainer = new Trainer(recipe, data, claim.Epochs, claim.Seed, time, start, TrainerSettings.For(device.Device)))
        {
            Resume(claim, trainer, await ledger.CheckpointsAsync(claim, CancellationToken.None));
            while (!trainer.IsFinished)
            {
                EpochFigures figures;
                try
                {
                    figures = await device.RunAsync(() => trainer.FinishEpoch(heart.Report, cancellationToken));
                }
                catch (OperationCanceledException) when (heart.MayHandBack)
                {
                    await ledger.HandBackAsync(claim, trainer.Epoch, trainer.Capture(), CancellationToken.None);
                    throw;
                }

                await StoreAsync(claim, figures, trainer.Capture());
            }

            // Nothing is trained any more, whether or not all epochs were needed: there is no speed to show.
            heart.Report(default);

            if (claim.Fold is { } fold)
            {
                var answers = await device.RunAsync(() => FoldAnswers.Of(trainer, data.Validation));
                ThrowIfStopped(heart, cancellationToken);
                await ledger.CompleteFoldAsync(claim, answers, CancellationToken.None);
                LogFoldDone(claim.RunId, fold);
                return;
            }

            await RegisterAsync(claim, heart, recipe, trainer, data, start, notes, cancellationToken);
        }
    }

    /// <summary>Searches, judges and exports what was trained, and registers it as a candidate.</summary>
    /// <param name="notes">What readers of the report must know of the start.</param>
    private async Task RegisterAsync(
        RunClaim claim, Heartbeat heart, TrainingRecipe recipe, Trainer trainer, TrainingData data, Dictionary<string, Weight>? start, string[] notes,
        CancellationToken cancellationToken)
    {
        // Before the test split is looked at, so that a worker that stops here costs no look.
        var findings = await ReleasingAsync(claim, heart, () => SearchAsync(claim, recipe, trainer, cancellationToken));

        // A model version is no simple model: what it learned would be held against what it becomes.
        var published = claim.StartVersion is null ? start : null;
        using var frozen = await ReleasingAsync(
            claim, heart, () => device.RunAsync(() => FrozenBaseline.Fit(recipe, data, published, TrainerSettings.For(device.Device), cancellationToken)));

        // Taken over, a run was trained by others as well.
        var epochs = await ledger.EpochsAsync(claim, CancellationToken.None);
        var looks = data.Test.Length > 0 ? await ledger.RecordTestLookAsync(claim, CancellationToken.None) : 0;
        IReadOnlyList<string> warnings = [.. await ledger.DatasetWarningsAsync(claim.DatasetId, CancellationToken.None), .. notes];
        var facts = new RunFacts(claim.Recipe, claim.RecipeVersion, claim.DatasetId, claim.DatasetKind, claim.Epochs, claim.Seed, claim.Views, looks, warnings,
            await ledger.LicencesAsync(claim.DatasetId, CancellationToken.None));
        var (files, report) = await device.RunAsync(() => TrainedModel.Make(facts, recipe, trainer, data, epochs, frozen, options.Value.MayServeEightBits));
        if (await ledger.PreviousReportAsync(claim, CancellationToken.None) is { } previous && Findings.OfPreviousRun(report.Test, previous) is { } finding)
        {
            report = report with { Findings = [.. report.Findings, finding] };
        }

        var pictures = await device.RunAsync(() => SamplePictures.Make(recipe, data, claim.Seed));
        ThrowIfStopped(heart, cancellationToken);

        var version = await ledger.RegisterAsync(claim, report, pictures, recipe.Network.InputSize, files, findings, CancellationToken.None);
        LogRegistered(claim.RunId, version, report.Validation.BalancedAccuracy, report.Test?.BalancedAccuracy, report.ParityDifference);
    }

    /// <summary>What is done already is kept where the worker is only to give the run back; where the run was called off or taken over it is not.</summary>
    private static void ThrowIfStopped(Heartbeat heart, CancellationToken cancellationToken)
    {
        if (!heart.MayHandBack)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<RunFindings> SearchAsync(RunClaim claim, TrainingRecipe recipe, Trainer trainer, CancellationToken cancellationToken)
    {
        var weights = trainer.Network.Weights();
        return new RunFindings(
            await labelErrors.FindAsync(claim, recipe.Network, weights, cancellationToken),
            await lesionViews.FindAsync(claim, recipe.Network, weights, cancellationToken));
    }

    /// <summary>Work that leaves no state of its own behind what is stored already: stopped, the run is given back as it was.</summary>
    private async Task<T> ReleasingAsync<T>(RunClaim claim, Heartbeat heart, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException) when (heart.MayHandBack)
        {
            await ledger.HandBackAsync(claim, CancellationToken.None);
            throw;
        }
    }

    private void Resume(RunClaim claim, Trainer trainer, IReadOnlyList<byte[]> checkpoints)
    {
        foreach (var checkpoint in checkpoints)
        {
            try
            {
                trainer.Restore(checkpoint);
                LogResumed(claim.RunId, trainer.Epoch, trainer.Step);
                return;
            }
            catch (InvalidDataException exception)
            {
                LogCheckpointRefused(exception, claim.RunId);
            }
        }
    }

    /// <summary>Stores an epoch, again and again while the database is away: a lost epoch costs more than a late one.</summary>
    private async Task StoreAsync(RunClaim claim, EpochFigures figures, byte[] state)
    {
        var deadline = time.GetUtcNow() + TimeSpan.FromSeconds(options.Value.LeaseSeconds);
        while (true)
        {
            try
            {
                await ledger.StoreEpochAsync(claim, figures, state, CancellationToken.None);
                break;
            }
            catch (NpgsqlException exception) when (time.GetUtcNow() < deadline)
            {
                LogStoreAgain(claim.RunId, figures.Epoch, exception.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, CancellationToken.None);
            }
        }

        TrainingTelemetry.Epochs.Add(1);
        TrainingTelemetry.EpochSeconds.Record(figures.Seconds);
        LogEpoch(claim.RunId, figures.Epoch, claim.Epochs, figures.TrainingLoss, figures.TrainingAccuracy, figures.ValidationAccuracy, figures.ImagesPerSecond);
    }

    /// <summary>What training starts from, null for random weights, and what readers of its report must know of that.</summary>
    private async Task<(Dictionary<string, Weight>? Weights, string[] Notes)> StartAsync(
        RunClaim claim, TrainingRecipe recipe, TrainingData data, CancellationToken cancellationToken)
    {
        if (claim.StartVersion is { } version)
        {
            var weights = await startVersions.WeightsAsync(version, claim.DatasetKind, recipe.Network, data, cancellationToken);
            return (weights, [$"Started from the weights of model version {version}.", .. await LeaveOutSeenAsync(claim, version, data, cancellationToken)]);
        }

        return (recipe.StartsFromInitialWeights, options.Value.InitialWeights) switch
        {
            (true, { } path) => (PublishedWeights.For(recipe.Network, await File.ReadAllBytesAsync(path, cancellationToken)), []),
            (true, null) => (null, ["Started from random weights: the worker had no Training:InitialWeights."]),
            _ => (null, []),
        };
    }

    /// <summary>The version's memory is in the new model: test lesions that it has seen would flatter it, and are left out.</summary>
    private async Task<IReadOnlyList<string>> LeaveOutSeenAsync(RunClaim claim, int version, TrainingData data, CancellationToken cancellationToken)
    {
        if (claim.DatasetKind == DatasetKind.Reproduction)
        {
            return [];
        }

        var (test, testLesions, validationLesions) = await startVersions.SeenAsync(version, claim.DatasetId, cancellationToken);
        var all = data.Test.DistinctBy(sample => sample.Group).Count();
        data.LeaveOutOfTest(test);
        var notes = new List<string>();
        if (testLesions > 0)
        {
            notes.Add($"Version {version} had seen {testLesions} of the {all} test lesions; they are left out of the figures on test.");
        }

        if (validationLesions > 0)
        {
            notes.Add(
                $"Version {version} comes from a model made elsewhere, which had seen {validationLesions} of the {data.Validation.DistinctBy(sample => sample.Group).Count()} validation lesions: "
                + "figures on validation, and the thresholds and temperature chosen there, may flatter.");
        }

        return notes;
    }

    [LoggerMessage(1, LogLevel.Information, "Run {RunId} taken: recipe {Recipe} on dataset {DatasetId}, attempt {Attempt}, {Finished} of {Epochs} epochs behind it")]
    private partial void LogTaken(Guid runId, string recipe, int datasetId, int attempt, int finished, int epochs);

    [LoggerMessage(2, LogLevel.Information, "Run {RunId} goes on after epoch {Epoch}, step {Step}")]
    private partial void LogResumed(Guid runId, int epoch, int step);

    [LoggerMessage(3, LogLevel.Information,
        "Run {RunId}: epoch {Epoch} of {Epochs}, training loss {Loss:f3}, accuracy {Accuracy:p1}, validation accuracy {ValidationAccuracy:p1}, {Speed:f0} images/s")]
    private partial void LogEpoch(Guid runId, int epoch, int epochs, double loss, double accuracy, double validationAccuracy, double speed);

    [LoggerMessage(4, LogLevel.Information,
        "Run {RunId} became candidate {Version}: balanced accuracy {Validation:p1} on validation, {Test:p1} on test; ONNX differs by at most {Parity:g2}")]
    private partial void LogRegistered(Guid runId, int version, double validation, double? test, double parity);

    [LoggerMessage(14, LogLevel.Information, "Run {RunId} has answered for fold {Fold}, which it held out")]
    private partial void LogFoldDone(Guid runId, int fold);

    [LoggerMessage(5, LogLevel.Information, "Run {RunId} is handed back with its state")]
    private partial void LogHandedBack(Guid runId);

    [LoggerMessage(6, LogLevel.Information, "Run {RunId} was cancelled")]
    private partial void LogCancelled(Guid runId);

    [LoggerMessage(7, LogLevel.Warning, "The lease of run {RunId} was lost; nothing more is written")]
    private partial void LogLost(Guid runId);

    [LoggerMessage(8, LogLevel.Error, "Run {RunId} failed")]
    private partial void LogFailed(Exception exception, Guid runId);

    [LoggerMessage(9, LogLevel.Error, "Run {RunId} met an error and is given back for another attempt")]
    private partial void LogReleased(Exception exception, Guid runId);

    [LoggerMessage(11, LogLevel.Warning, "A checkpoint of run {RunId} cannot be used")]
    private partial void LogCheckpointRefused(Exception exception, Guid runId);

    [LoggerMessage(12, LogLevel.Warning, "Epoch {Epoch} of run {RunId} could not be stored yet: {Reason}")]
    private partial void LogStoreAgain(Guid runId, int epoch, string reason);

    [LoggerMessage(13, LogLevel.Information, "Run {RunId} is paused and given back with its state")]
    private partial void LogPaused(Guid runId);
}

/// <summary>The run was taken too often without getting anywhere.</summary>
internal sealed class HopelessRunException(string message) : Exception(message);
