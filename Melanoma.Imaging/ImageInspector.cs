using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Melanoma.Imaging.Headers;
using Melanoma.Imaging.Tiff;

namespace Melanoma.Imaging;

/// <summary>Reads the header of a picture and judges it against limits. No pixel is decoded and nothing of picture size is allocated.</summary>
public static class ImageInspector
{
    private static ReadOnlySpan<byte> Jpeg2000Box => [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20];

    private static ReadOnlySpan<byte> Jpeg2000Stream => [0xFF, 0x4F, 0xFF, 0x51];

    private static ReadOnlySpan<byte> JpegXlBox => [0, 0, 0, 12, 0x4A, 0x58, 0x4C, 0x20];

    private static ReadOnlySpan<byte> JpegXlStream => [0xFF, 0x0A];

    /// <summary>Reads and judges the header of a picture.</summary>
    /// <param name="bytes">The whole file (or as much of its start as is there; a header that does not end in it is <see cref="ImageRefusalReason.Truncated"/>).</param>
    /// <param name="limits">The limits.</param>
    /// <param name="header">The header, where the result is true.</param>
    /// <param name="refusal">The refusal, where the result is false.</param>
    /// <returns>True where the picture may be decoded as far as its header says.</returns>
    public static bool TryInspect(ReadOnlySpan<byte> bytes, ImageLimits limits, out ImageHeader header, [NotNullWhen(false)] out ImageRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(limits);
        header = default;
        if (bytes.IsEmpty)
        {
            refusal = new(ImageRefusalReason.Empty, "The file is empty; send the picture again.");
            return false;
        }

        if (bytes.Length > limits.MaxBytes)
        {
            refusal = new(
                ImageRefusalReason.TooManyBytes,
                string.Create(CultureInfo.InvariantCulture, $"The file has {bytes.Length / 1048576.0:0.0} MiB; at most {limits.MaxBytes / 1048576.0:0.#} MiB are taken. Save it smaller."));
            return false;
        }

        var read = Read(bytes);
        refusal = read.Refusal ?? Judge(read.Header, limits);
        if (refusal is not null)
            return false;
        header = read.Header;
        return true;
    }

    /// <summary>Tells the format by the first bytes alone.</summary>
    /// <param name="bytes">The start of the file; 132 bytes are enough for every format.</param>
    public static ImageFormat Recognise(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(JpegHeader.Start))
            return ImageFormat.Jpeg;
        if (bytes.StartsWith(PngHeader.Signature))
            return ImageFormat.Png;
        if (bytes.Length >= 12 && bytes.StartsWith("RIFF"u8) && bytes.Slice(8, 4).SequenceEqual("WEBP"u8))
            return ImageFormat.WebP;
        if (bytes.StartsWith("II*\0"u8) || bytes.StartsWith("MM\0*"u8) || bytes.StartsWith("II+\0"u8) || bytes.StartsWith("MM\0+"u8))
            return ImageFormat.Tiff;
        if (bytes.StartsWith("BM"u8) && (bytes.Length < 18 || BmpHeader.IsKnownSize(BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]))))
            return ImageFormat.Bmp;
        if (bytes.StartsWith("GIF87a"u8) || bytes.StartsWith("GIF89a"u8))
            return ImageFormat.Gif;
        if (bytes.StartsWith(Jpeg2000Box) || bytes.StartsWith(Jpeg2000Stream))
            return ImageFormat.Jpeg2000;
        if (bytes.StartsWith(JpegXlBox) || bytes.StartsWith(JpegXlStream))
            return ImageFormat.JpegXl;
        if (bytes.Length >= 12 && bytes.Slice(4, 4).SequenceEqual("ftyp"u8))
        {
            var brand = bytes.Slice(8, 4);
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
                return ImageFormat.Avif;
            if (brand.StartsWith("hei"u8) || brand.StartsWith("hev"u8) || brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8))
                return ImageFormat.Heif;
        }

        return bytes.Length >= 132 && bytes.Slice(128, 4).SequenceEqual("DICM"u8) ? ImageFormat.Dicom : ImageFormat.Unknown;
    }

    private static HeaderReading Read(ReadOnlySpan<byte> bytes)
    {
        var format = Recognise(bytes);
        return format switch
        {
            ImageFormat.Jpeg => JpegHeader.Read(bytes),
            ImageFormat.Png => PngHeader.Read(bytes),
            ImageFormat.WebP => WebPHeader.Read(bytes),
            ImageFormat.Bmp => BmpHeader.Read(bytes),
            ImageFormat.Tiff => TiffDirectory.Read(bytes, out _),
            ImageFormat.Gif => HeaderReading.Unsupported("GIF pictures are not taken: they have at most 256 colours. Send JPEG, PNG, WebP, TIFF or BMP."),
            ImageFormat.Jpeg2000 => HeaderReading.Unsupported("JPEG 2000 is not taken. Save the picture as JPEG, PNG, WebP, TIFF or BMP."),
            ImageFormat.JpegXl => HeaderReading.Unsupported("JPEG XL is not taken. Save the picture as JPEG, PNG, WebP, TIFF or BMP."),
            ImageFormat.Avif => HeaderReading.Unsupported("AVIF is not taken. Save the picture as JPEG, PNG, WebP, TIFF or BMP."),
            ImageFormat.Heif => HeaderReading.Unsupported("HEIF/HEIC is not taken. Save the picture as JPEG (on a phone: \"most compatible\")."),
            ImageFormat.Dicom => HeaderReading.Unsupported("DICOM files are not taken. Export the picture as JPEG, PNG, WebP, TIFF or BMP."),
            _ => HeaderReading.Refused(
                ImageRefusalReason.NotAnImage,
                "The file is not a picture in a known format. Send JPEG, PNG, WebP, TIFF or BMP; the name of the file does not matter."),
        };
    }

    private static ImageRefusal? Judge(in ImageHeader header, ImageLimits limits)
    {
        if (header.Width <= 0 || header.Height <= 0)
            return new(ImageRefusalReason.Corrupt, "The header gives the picture no width or no height.");
        if (header.PixelCount > limits.MaxPixels)
        {
            return new(
                ImageRefusalReason.TooManyPixels,
                string.Create(CultureInfo.InvariantCulture, $"The picture is {header.Width} x {header.Height} pixels ({header.PixelCount / 1e6:0.0} megapixels); at most {limits.MaxPixels / 1e6:0.0} megapixels are taken. Save it smaller."));
        }

        var maxSide = Math.Min(limits.MaxSide, 65_535);
        if (header.Width > maxSide || header.Height > maxSide)
        {
            return new(
                ImageRefusalReason.TooManyPixels,
                string.Create(CultureInfo.InvariantCulture, $"The picture is {header.Width} x {header.Height} pixels; no side may be longer than {maxSide} pixels. Save it smaller."));
        }

        return header.Width < limits.MinSide || header.Height < limits.MinSide
            ? new(
                ImageRefusalReason.TooSmall,
                string.Create(CultureInfo.InvariantCulture, $"The picture is {header.Width} x {header.Height} pixels; each side needs at least {limits.MinSide} pixels."))
            : null;
    }
}
