using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;

namespace Melanoma.Imaging.Benchmarks;

/// <summary>One picture of a collection: its ISIC id (the name without what follows the seven digits), where it lay, what is kept of it.</summary>
internal sealed record Picture(Guid Id, string IsicId, string Path, PictureSignature Signature);

/// <summary>Pictures of a ZIP in the order of their paths.</summary>
internal static class Collection
{
    public static Picture[] Read(string zip) =>
        [.. PicturePack.Read(zip).Select(file => new Picture(Guid.CreateVersion7(), file.IsicId, $"{Path.GetFileName(zip)}:{file.Path}", SignatureOf(file.Bytes)))];

    public static PictureSignature SignatureOf(byte[] file)
    {
        var square = Square(file, out var header);
        return PictureSignature.Compute(square, header.UprightWidth, header.UprightHeight);
    }

    public static RgbImage Square(byte[] file, out ImageHeader header)
    {
        const int Side = PictureSignature.SourceSide;
        var pixels = new byte[Side * Side * 3];
        if (!ImageInspector.TryInspect(file, ImageLimits.Default, out header, out var refusal)
            || !ImageDecoder.TryDecodeToSketch(file, Side, pixels, ImageLimits.Default, out refusal))
            throw new InvalidDataException($"A picture was refused: {refusal.Message}");
        return new(Side, Side, pixels);
    }
}
