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

    private static async Task SaveAsync(GatewayConnection gateway, string imageId, string path, CancellationToken cancellationToken)
    {
        using var call = gateway.Catalog.ReadImage(
            new ReadImageRequest { ImageId = imageId }, deadline: gateway.Time.GetUtcNow().UtcDateTime + Deadline, cancellationToken: cancellationToken);

        // Under another name until it is whole.
        var part = path + ".part";
        try
        {
            await using (var written = File.Create(part))
            {
                await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellationToken))
                    await written.WriteAsync(chunk.Bytes.Memory, cancellationToken);
            }

            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
