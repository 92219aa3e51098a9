using System.Data;
using System.Runtime.CompilerServices;
using Npgsql;

namespace Melanoma.Storage.Catalogue;

/// <summary>Streaming reads of the bytes of images.</summary>
public static class ImageContents
{
    /// <summary>
    /// Streams the bytes of some images, one image in memory at a time, in no particular order. Images that are not there
    /// are passed over: count what comes.
    /// </summary>
    /// <param name="dataSource">The database; one connection is held until the enumeration ends.</param>
    /// <param name="imageIds">The images; duplicates are given once.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="NpgsqlException">The database cannot be reached, or was lost on the way.</exception>
    public static async IAsyncEnumerable<ImageBytes> ReadAsync(
        NpgsqlDataSource dataSource, IReadOnlyCollection<Guid> imageIds, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT image_id, bytes FROM image_contents WHERE image_id = ANY($1)");
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. imageIds] });

        // Sequential access reads the bytes straight into their array instead of buffering the row as well.
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var imageId = reader.GetGuid(0);
            yield return new ImageBytes(imageId, await reader.GetFieldValueAsync<byte[]>(1, cancellationToken));
        }
    }
}

/// <summary>The bytes of an image as delivered.</summary>
/// <param name="ImageId">The image.</param>
/// <param name="Bytes">The encoded bytes, at most 20 MB.</param>
public readonly record struct ImageBytes(Guid ImageId, byte[] Bytes);
