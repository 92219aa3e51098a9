using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Images;

/// <summary>Where a page of images ends: the number of its last image, bound to the filters, so that a token of another list is noticed.</summary>
internal static class ImagePageToken
{
    private const int FilterBytes = 8;

    /// <summary>The token for what comes after an image.</summary>
    public static string Write(ListImagesRequest request, long number)
    {
        var token = new byte[sizeof(long) + FilterBytes];
        BinaryPrimitives.WriteInt64BigEndian(token, number);
        FilterHash(request).CopyTo(token, sizeof(long));
        return Base64Url.EncodeToString(token);
    }

    /// <summary>The number after which to go on; 0 for the first page.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: it is no token, or one of other filters.</exception>
    public static long Read(ListImagesRequest request)
    {
        if (request.PageToken.Length == 0)
            return 0;
        var token = new byte[sizeof(long) + FilterBytes];
        if (!Base64Url.IsValid(request.PageToken, out var length) || length != token.Length
            || !Base64Url.TryDecodeFromChars(request.PageToken, token, out _) || !token.AsSpan(sizeof(long)).SequenceEqual(FilterHash(request)))
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, "page_token is not one of this list: leave it out for the first page, and keep the filters from page to page."));
        }

        return BinaryPrimitives.ReadInt64BigEndian(token);
    }

    private static byte[] FilterHash(ListImagesRequest request) =>
        SHA256.HashData(new ListImagesRequest(request) { PageToken = "", PageSize = 0 }.ToByteArray())[..FilterBytes];
}
