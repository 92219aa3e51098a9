using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>A running run for people: bars for augmentation and training, a line for each finished epoch above them.</summary>
internal sealed class RunScreen(IAnsiConsole console, ProgressContext progress)
{
    private const string Header = "epoch     loss  accuracy  val loss  val accuracy  balanced  learning rate  images/s  seconds  worker";

    private const int EpochsOfChart = 24;

    private ProgressTask? _augmentation;
    private ProgressTask? _training;
    private RunState _state;
    private int _epochsShown;
    private int _attemptsShown = 1;
    private string _troubleShown = "";

    public static void WriteEnd(IAnsiConsole console, Run run, Model? model)
    {
        switch (run.State)
        {
            case RunState.Completed when model is not null:
                ModelScreen.WriteResult(console, model);
                break;
            case RunState.Completed:
                console.WriteLine($"Fold {run.Fold} has been answered for: `./melanoma cross-validation show {run.CrossValidationId}` has the figures once all folds are.");
                break;
            case RunState.Cancelled:
                console.WriteLine("The run was cancelled.");
                break;
            default:
                console.MarkupLineInterpolated($"[red]The run failed:[/] {run.Error}");
                break;
        }
    }

    public void Show(Run run)
    {
        if (_state == RunState.Unspecified)
            console.MarkupLineInterpolated($"Run [bold]{run.RunId}[/]: recipe {run.Recipe}, dataset {run.DatasetId}, {RunDocument.NameOf(run.Protocol)} protocol, {run.Epochs} epochs, seed {run.Seed}{Besides(run)}");
        ShowAugmentation(run);
        ShowEpochs(run);
        ShowTraining(run);
        _state = run.State;
    }

    public void Complain(string sentence) => console.MarkupLineInterpolated($"[yellow]{sentence}[/]");

    private void ShowAugmentation(Run run)
    {
        if (run.Augmentation is not { Batches: > 0 } augmentation)
            return;
        if (run.State == RunState.Augmenting && run.Error.Length > 0 && run.Error != _troubleShown)
        {
            console.MarkupLineInterpolated($"[yellow]A batch could not be made and is tried again: {run.Error}[/]");
            _troubleShown = run.Error;
        }

        _augmentation ??= progress.AddTask("Augmenting", maxValue: augmentation.Batches);
        _augmentation.MaxValue = augmentation.Batches;
        _augmentation.Value = augmentation.BatchesDone;
        var workers = augmentation.Workers.Count > 0 ? $", {augmentation.Workers.Count} workers" : "";
        _augmentation.Description = FormattableString.Invariant($"Augmenting: {augmentation.BatchesDone}/{augmentation.Batches} batches{workers}");
    }

    private void ShowEpochs(Run run)
    {
        foreach (var epoch in run.Progress.Where(epoch => epoch.Epoch > _epochsShown).OrderBy(epoch => epoch.Epoch))
        {
            if (_epochsShown == 0)
                console.MarkupLineInterpolated($"[bold]{Header}[/]");
            console.WriteLine(FormattableString.Invariant(
                $"{epoch.Epoch,5}  {epoch.TrainingLoss,7:0.0000}  {epoch.TrainingAccuracy,8:0.0000}  {epoch.ValidationLoss,8:0.0000}  {epoch.ValidationAccuracy,12:0.0000}  {epoch.ValidationBalancedAccuracy,8:0.0000}  {epoch.LearningRate,13:0.########}  {epoch.ImagesPerSecond,8:0.0}  {epoch.Seconds,7:0.0}  {epoch.Worker}"));
            _epochsShown = epoch.Epoch;
        }
    }

    private void ShowTraining(Run run)
    {
        if (run.Attempts > _attemptsShown)
        {
            console.MarkupLineInterpolated($"[yellow]Another worker took the run over (attempt {run.Attempts}) and goes on after epoch {run.Progress.Count}.[/]");
            _attemptsShown = run.Attempts;
        }

        if (run.State is RunState.Requested or RunState.Augmenting or RunState.Unspecified)
            return;
        _training ??= progress.AddTask("Training", maxValue: run.Epochs);
        _training.Value = run.State == RunState.Completed ? run.Epochs : Math.Min(run.Epochs, run.Progress.Count + run.EpochFraction);
        _training.Description = run.State switch
        {
            RunState.Paused => $"Paused; `./melanoma runs resume {run.RunId}` goes on",
            RunState.Ready => "Waiting for a training worker",
            RunState.Training when run.Progress.Count >= run.Epochs => "Evaluating, exporting, checking parity",
            RunState.Training when run.ImagesPerSecond <= 0 => FormattableString.Invariant($"Preparing or evaluating: {run.Progress.Count} of {run.Epochs} epochs"),
            RunState.Training => FormattableString.Invariant($"Training: epoch {run.Progress.Count + 1} of {run.Epochs}, {run.ImagesPerSecond:0.0} images/s{Chart(run)}"),
            _ => FormattableString.Invariant($"Training: {run.Progress.Count} epochs"),
        };
        if (run.State is RunState.Completed or RunState.Failed or RunState.Cancelled)
            _training.StopTask();
        ProgressColumns.TellTimeLeft(_training, run.SecondsLeft);
    }

    private static string Besides(Run run) =>
        (run.HasFold ? $", fold {run.Fold} held out" : "") + (run.HasStartVersion ? $", from version {run.StartVersion}" : "") + (run.Views > 1 ? $", {run.Views} views" : "");

    private static string Chart(Run run) => run.Progress.Count > 0
        ? FormattableString.Invariant($", balanced {Bars.Line([.. run.Progress.TakeLast(EpochsOfChart).Select(epoch => epoch.ValidationBalancedAccuracy)])} {run.Progress[^1].ValidationBalancedAccuracy:0.000}")
        : "";
}
