using Spectre.Console;
using Spectre.Console.Rendering;

namespace Melanoma.Cli.Output;

/// <summary>The columns of progress bars: every long work shows how far, how fast and how long still.</summary>
internal static class ProgressColumns
{
    private const string ItemsKey = "items";
    private const string SecondsLeftKey = "seconds-left";

    public static ProgressColumn[] ForBytes =>
    [
        new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
        new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn(), new SpinnerColumn(),
    ];

    public static ProgressColumn[] ForItems(string unit) =>
    [
        new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
        new ItemRateColumn(unit), new RemainingTimeColumn(), new SpinnerColumn(),
    ];

    /// <summary>For tasks that count bytes beside tasks that count items, which say so by <see cref="CountItems"/>.</summary>
    public static ProgressColumn[] ForBytesAndItems(string unit) =>
    [
        new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
        new ByKindColumn(new DownloadedColumn(), new ItemCountColumn(unit)), new ByKindColumn(new TransferSpeedColumn(), new ItemRateColumn(unit)),
        new RemainingTimeColumn(), new SpinnerColumn(),
    ];

    /// <summary>Says that a task counts items and not bytes.</summary>
    public static void CountItems(ProgressTask task) => task.State.Update<bool>(ItemsKey, _ => true);

    /// <summary>Says how long a task takes still, where somebody knows; 0 where nobody does.</summary>
    public static void TellTimeLeft(ProgressTask task, double seconds) => task.State.Update<double>(SecondsLeftKey, _ => seconds > 0 ? seconds : double.NaN);

    /// <summary>Hours, minutes and seconds.</summary>
    public static string Duration(double seconds)
    {
        var span = TimeSpan.FromSeconds(seconds);
        return FormattableString.Invariant($"{(int)span.TotalHours:00}:{span.Minutes:00}:{span.Seconds:00}");
    }

    /// <summary>For tasks that say their rate themselves, and may say how long they take still.</summary>
    public static ProgressColumn[] Plain =>
    [
        new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ToldTimeColumn(), new SpinnerColumn(),
    ];

    private sealed class ByKindColumn(ProgressColumn ofBytes, ProgressColumn ofItems) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            (task.State.Get<bool>(ItemsKey) ? ofItems : ofBytes).Render(options, task, deltaTime);
    }

    /// <summary>The time that a task was said to take still; guessed from its bar where nobody says it.</summary>
    private sealed class ToldTimeColumn : ProgressColumn
    {
        private readonly RemainingTimeColumn _guess = new();

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => task.State.Get<double>(SecondsLeftKey) switch
        {
            0 => _guess.Render(options, task, deltaTime),
            > 0 and var seconds => new Text(Duration(seconds), new Style(Color.Blue)),
            _ => new Text("--:--:--", new Style(Color.Blue)),
        };
    }

    /// <summary>Items done.</summary>
    private sealed class ItemCountColumn(string unit) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.IsStarted ? FormattableString.Invariant($"{task.Value:N0} {unit}") : "");
    }

    /// <summary>Items a second.</summary>
    private sealed class ItemRateColumn(string unit) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            var seconds = task.ElapsedTime?.TotalSeconds ?? 0;
            var rate = seconds > 0 ? task.Value / seconds : 0;
            return new Text(rate > 0 ? FormattableString.Invariant($"{rate:0.0} {unit}/s") : "", new Style(Color.Blue));
        }
    }
}
