namespace Melanoma.Imaging;

/// <summary>Brightness of gamma-encoded sRGB by the weights of ITU-R BT.601.</summary>
internal static class Luma
{
    /// <summary>0 to 255.</summary>
    public static int Of(ReadOnlySpan<byte> rgb) => ((77 * rgb[0]) + (150 * rgb[1]) + (29 * rgb[2]) + 128) >> 8;
}
