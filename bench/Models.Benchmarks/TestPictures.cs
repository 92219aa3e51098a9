using System.IO.Compression;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Exports;
using Melanoma.Training.Images;

namespace Melanoma.Training.Models;

/// <summary>Pictures of a split with what is known of them.</summary>
/// <param name="Files">Their bytes.</param>
/// <param name="Samples">Their labels and lesions, in the same order.</param>
internal sealed record TestPictures(IReadOnlyList<ExportedImage> Rows, IReadOnlyList<byte[]> Files, Sample[] Samples)
{
    public static TestPictures Of(string export, Split split)
    {
        ExportedImage[] rows = [.. ExportedDataset.Read(export).Where(row => row.Split == split)];
        using var archive = ZipFile.OpenRead(export);
        return Of(rows, [.. rows.Select(row => ExportedDataset.Bytes(archive, row))]);
    }

    public static TestPictures Of(IReadOnlyList<ExportedImage> rows, IReadOnlyList<byte[]> files)
    {
        var groups = rows.Select(row => row.Group).Distinct().Index().ToDictionary(group => group.Item, group => group.Index);
        return new TestPictures(rows, files, [.. rows.Index().Select(row => new Sample(row.Index, row.Item.Split, row.Item.Label, groups[row.Item.Group], IsVariant: false))]);
    }

    /// <summary>Each picture as the model takes it.</summary>
    public List<byte[]> Squares(int side) => Squares(side, image => image);

    /// <summary>Each picture as the model takes it after a change.</summary>
    public List<byte[]> Squares(int side, Func<RgbImage, RgbImage> change) =>
    [
        .. Files.AsParallel().AsOrdered().Select(file =>
        {
            var square = new byte[side * side * 3];
            AreaFilter.ToSquare(change(Decode(file)), side, square);
            return square;
        }),
    ];

    public static RgbImage Decode(byte[] file) =>
        ImageDecoder.TryDecode(file, ImageLimits.Default, out var image, out var refusal) ? image : throw new InvalidDataException(refusal.Message);
}
