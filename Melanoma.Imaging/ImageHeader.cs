namespace Melanoma.Imaging;

/// <summary>What the header of a picture says of it.</summary>
/// <param name="Format">The file format.</param>
/// <param name="Width">Stored width in pixels, before the orientation is applied.</param>
/// <param name="Height">Stored height in pixels, before the orientation is applied.</param>
/// <param name="Components">Stored values per pixel: 1 grey or palette, 2 grey + alpha, 3 colour, 4 colour + alpha or CMYK.</param>
/// <param name="BitsPerComponent">Bits of one stored value: 1 to 16.</param>
/// <param name="Orientation">EXIF orientation, 1 (upright) to 8; 1 where the file says nothing.</param>
/// <param name="HasAlpha">True where the file declares transparency.</param>
public readonly record struct ImageHeader(
    ImageFormat Format,
    int Width,
    int Height,
    int Components,
    int BitsPerComponent,
    int Orientation = 1,
    bool HasAlpha = false)
{
    /// <summary>Width in pixels as a person sees it, with the orientation applied.</summary>
    public int UprightWidth => Orientation >= 5 ? Height : Width;

    /// <summary>Height in pixels as a person sees it, with the orientation applied.</summary>
    public int UprightHeight => Orientation >= 5 ? Width : Height;

    /// <summary>Width x height.</summary>
    public long PixelCount => (long)Width * Height;

    /// <summary>The media type, such as <c>image/jpeg</c>.</summary>
    public string MediaType => Format switch
    {
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Png => "image/png",
        ImageFormat.WebP => "image/webp",
        ImageFormat.Tiff => "image/tiff",
        ImageFormat.Bmp => "image/bmp",
        _ => "application/octet-stream",
    };
}
