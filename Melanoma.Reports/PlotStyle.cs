using ScottPlot;
using SkiaSharp;

namespace Melanoma.Reports;

/// <summary>How plots look: the built-in font, colours that the colour-blind can tell apart (Okabe and Ito 2008), one size.</summary>
internal static class PlotStyle
{
    public const string Font = "Roboto";

    /// <summary>Letters are sized for a width of 500 pixels, so that a phone can still show them; the PNG has enough pixels for a large and dense screen.</summary>
    private const int Width = 500;
    private const double Density = 2.5;

    static PlotStyle() => Fonts.FontResolvers.Insert(0, new BuiltInFont());

    public static Color Training { get; } = Color.FromHex("#E69F00");

    public static Color Validation { get; } = Color.FromHex("#0072B2");

    public static Color Test { get; } = Color.FromHex("#D55E00");

    public static Color Faint { get; } = Color.FromHex("#9A9A9A");

    public static Plot New(string title, string across, string up)
    {
        var plot = new Plot { ScaleFactor = Density };
        plot.Font.Set(Font);
        plot.Title(title, 16);
        plot.XLabel(across, 13);
        plot.YLabel(up, 13);
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.08);
        plot.Legend.FontName = Font;
        plot.Legend.FontSize = 12;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        (plot.Axes.Right.FrameLineStyle.Width, plot.Axes.Top.FrameLineStyle.Width) = (0, 0);
        return plot;
    }

    /// <summary>Both axes 0 to 1, with a little room for what lies on the frame.</summary>
    public static void ToUnitSquare(Plot plot) => plot.Axes.SetLimits(-0.01, 1.01, -0.01, 1.02);

    /// <summary>The plot with its legend below, where it hides nothing; the height is in pixels, of 500 in width.</summary>
    public static byte[] Png(Plot plot, int height = 420)
    {
        if (plot.Legend.GetItems().Length > 0)
            plot.ShowLegend(Edge.Bottom);
        return plot.GetImageBytes((int)(Width * Density), (int)(height * Density), ImageFormat.Png);
    }

    /// <summary>The same letters on every machine, and on those without any font.</summary>
    private sealed class BuiltInFont : IFontResolver
    {
        private readonly SKTypeface _regular = Read("Roboto-Regular.ttf");
        private readonly SKTypeface _bold = Read("Roboto-Bold.ttf");

        public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Font ? (bold ? _bold : _regular) : null;

        public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
            CreateTypeface(fontName, weight >= FontWeight.SemiBold, italic: false);

        private static SKTypeface Read(string name)
        {
            using var stream = typeof(PlotStyle).Assembly.GetManifestResourceStream(name)!;
            using var data = SKData.Create(stream);
            return SKTypeface.FromData(data);
        }
    }
}
