using Grpc.Core;

namespace Melanoma.Ingestion.Images;

/// <summary>Ids of images as callers write them.</summary>
internal static class ImageIds
{
    /// <exception cref="RpcException">INVALID_ARGUMENT: it is no UUID.</exception>
    public static Guid Parse(string text) => Guid.TryParse(text, out var id)
        ? id
        : throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{text}' is not the id of an image: it must be a UUID. ListImages gives the ids."));

    public static RpcException NotFound(Guid id) => new(new Status(StatusCode.NotFound, $"There is no image {id}; ListImages gives the ids."));
}
