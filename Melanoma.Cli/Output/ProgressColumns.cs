using Spectre.Console;
using Spectre.Console.Rendering;

namespace Melanoma.Cli.Output;

/// <summary>The columns of progress bars: every long work shows how far, how fast and how long still.</summary>
internal static class ProgressColumns
{
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

    /// <summary>For tasks that say their rate themselves.</summary>
    public static ProgressColumn[] Plain =>
    [
        new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new SpinnerColumn(),
    ];

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
