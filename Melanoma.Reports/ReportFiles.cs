using System.Text;

namespace Melanoma.Reports;

/// <summary>The files of a model's report: one self-contained page, the figures as JSON, and each plot as PNG.</summary>
public static class ReportFiles
{
    /// <summary>Makes them; takes a second of one processor.</summary>
    public static IReadOnlyList<ReportFile> Make(ReportContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var plots = ModelPlots.Draw(content.Report);
        return
        [
            new ReportFile("report.html", "text/html; charset=utf-8", Encoding.UTF8.GetBytes(ReportPage.Write(content, plots))),
            new ReportFile("report.json", "application/json", Encoding.UTF8.GetBytes(content.Json)),
            .. plots.Select(plot => new ReportFile(plot.Name + ".png", "image/png", plot.Png)),
        ];
    }
}
