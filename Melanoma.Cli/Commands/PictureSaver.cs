using System.Globalization;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>Writes pictures of the catalogue to files.</summary>
internal static class PictureSaver
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    /// <summary>Writes each picture whose bytes are still there: the first to the file, the others beside it with a number before the extension.</summary>
    /// <returns>The files, in the order of the pictures.</returns>
    public static async Task<IReadOnlyList<string>> SaveAsync(
        GatewayConnection gateway, IEnumerable<Image> images, string file, CancellationToken cancellationToken)
    {
        var files = new List<string>();
        foreach (var image in images.Where(image => !image.Forgotten))
        {
            var path = PathOf(file, files.Count + 1, image.MediaType);
            await SaveAsync(gateway, image.ImageId, path, cancellationToken);
            files.Add(path);
        }

        return files;
    }

    /// <summary>The file of the picture of a number, from 1, with the extension of its media type where none was given.</summary>
    internal static string PathOf(string file, int number, string mediaType)
    {
        var extension = Path.GetExtension(file);
        var stem = file[..^extension.Length];
        if (extension.Length <= 1)
            extension = mediaType == "image/jpeg" ? ".jpg" : "." + mediaType[(mediaType.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return number == 1 ? stem + extension : string.Create(CultureInfo.InvariantCulture, $"{stem}-{number}{extension}");
    }

    /// <summary>Writes one picture, as it was delivered, to a file.</summary>
    public static async Task<SavedImageDocument> SaveAsync(GatewayConnection gateway, string imageId, string path, CancellationToken cancellationToken)
    {
        await using var file = new DownloadFile(path);
        using var call = gateway.Catalog.ReadImage(
            new ReadImageRequest { ImageId = imageId }, deadline: gateway.Time.GetUtcNow().UtcDateTime + Deadline, cancellationToken: cancellationToken);
        var mediaType = "";
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            mediaType = chunk.MediaType.Length > 0 ? chunk.MediaType : mediaType;
            await file.WriteAsync(chunk.Bytes.Memory, cancellationToken);
        }

        var length = file.Length;
        await file.FinishAsync();
        return new SavedImageDocument(imageId, path, length, mediaType);
    }
}
