namespace Melanoma.Imaging;

/// <summary>Transparency is laid on white, the paper that a cut-out picture is shown on.</summary>
internal static class Transparency
{
    /// <summary>Replaces colours by what is seen of them on white; pixels of 4 bytes, alpha last and not premultiplied.</summary>
    public static void LayOnWhite(Span<byte> rgba)
    {
        for (var at = 0; at < rgba.Length; at += 4)
        {
            int alpha = rgba[at + 3];
            if (alpha == 255)
                continue;
            for (var c = at; c < at + 3; c++)
                rgba[c] = (byte)(((rgba[c] * alpha) + (255 * (255 - alpha)) + 127) / 255);
        }
    }
}
