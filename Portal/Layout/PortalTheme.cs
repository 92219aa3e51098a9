using MudBlazor;

namespace Melanoma.Portal.Layout;

/// <summary>Colours and letters. Every text stands out from its ground by 4.5 to 1 or more, in light and in dark.</summary>
internal static class PortalTheme
{
    public static MudTheme Theme { get; } = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#1f5f8b",
            Secondary = "#56606b",
            Error = "#b3261e",
            Warning = "#8a4b00",
            Background = "#f4f6f8",
            Surface = "#ffffff",
            AppbarBackground = "#ffffff",
            AppbarText = "#16202a",
            TextPrimary = "#16202a",
            TextSecondary = "#4a5763",
            LinesDefault = "#d5dce2",
            Divider = "#d5dce2",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#7dbbe8",
            PrimaryContrastText = "#0c1a26",
            Secondary = "#a9b4bf",
            Error = "#ffb4ab",
            ErrorContrastText = "#3b0907",
            Warning = "#f2b872",
            Background = "#10161c",
            Surface = "#1a222b",
            AppbarBackground = "#1a222b",
            AppbarText = "#e6ebf0",
            TextPrimary = "#e6ebf0",
            TextSecondary = "#a9b4bf",
            LinesDefault = "#36424e",
            Divider = "#36424e",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "10px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"] },
            Button = new ButtonTypography { TextTransform = "none" },
        },
    };
}
