using Spectre.Console;

namespace Melanoma.Cli.Output;

/// <summary>Bars of numbers per diagnosis.</summary>
internal static class Bars
{
    private const int Width = 40;

    /// <summary>One line for each item: name, bar, number.</summary>
    public static void Write(IAnsiConsole console, IReadOnlyCollection<(string Name, double Value)> items, Func<double, string> format, double? largest = null)
    {
        var grid = new Grid().AddColumn().AddColumn().AddColumn(new GridColumn().RightAligned());
        var maximum = largest ?? items.Select(item => item.Value).DefaultIfEmpty().Max();
        foreach (var (name, value) in items)
            grid.AddRow(new Text(name), new Text(Draw(value, maximum), new Style(Color.Teal)), new Text(format(value)));
        console.Write(grid);
    }

    /// <summary>One character for each value, the lower the smaller, from the smallest value to the largest.</summary>
    internal static string Line(IReadOnlyCollection<double> values)
    {
        var (smallest, largest) = (values.Min(), values.Max());
        return string.Concat(values.Select(value => "▁▂▃▄▅▆▇█"[largest > smallest ? (int)Math.Round(7 * (value - smallest) / (largest - smallest)) : 0]));
    }

    /// <summary>A bar in eighths of a character.</summary>
    internal static string Draw(double value, double maximum)
    {
        if (!(maximum > 0))
            return "";
        var eighths = (int)Math.Round(Math.Clamp(value / maximum, 0, 1) * Width * 8);
        return new string('█', eighths / 8) + (eighths % 8 == 0 ? "" : " ▏▎▍▌▋▊▉"[eighths % 8].ToString());
    }
}
