using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Predictions;

/// <summary>Questions that may be asked twice: what their keys may be, and the answers that stand under them. <see cref="PredictionWriter"/> writes them.</summary>
internal sealed class IdempotencyKeys(IDbContextFactory<MelanomaDbContext> databases)
{
    /// <summary>The header, and gRPC metadata, of draft-ietf-httpapi-idempotency-key-header.</summary>
    public const string HeaderName = "idempotency-key";

    private const int MaxLength = 200;

    /// <summary>The key of a question that may name it in the message, in the header, or in both.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: there are two keys, or the key is none.</exception>
    public static string? Choose(string? field, string? header)
    {
        header = header is null ? null : Unquote(header);
        if (field is not null && header is not null && field != header)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, $"idempotency_key and the header {HeaderName} are different keys; send one of them.");
        }

        var key = field ?? header;
        return key is null or { Length: >= 1 and <= MaxLength } && !key.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? key
            : throw Refusal.Of(StatusCode.InvalidArgument, $"The idempotency key is not 1 to {MaxLength} printable ASCII characters; a random UUID is a good one.");
    }

    /// <summary>The answer that stands under a key; null where there is none.</summary>
    public async Task<FirstAnswer?> FindAsync(string tenant, string key, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.IdempotencyKeys.AsNoTracking().Where(row => row.Tenant == tenant && row.Key == key)
            .Select(row => new FirstAnswer(row.ImageSha256, row.PredictionId, row.Answer)).SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>The answer that was given to a question that is asked again.</summary>
    /// <exception cref="RpcException">ALREADY_EXISTS: the key was for another image.</exception>
    public static ClassifyResponse Repeat(FirstAnswer first, byte[] imageSha256) => first.ImageSha256.AsSpan().SequenceEqual(imageSha256)
        ? ClassifyResponse.Parser.ParseFrom(first.Answer)
        : throw Refusal.Of(
            StatusCode.AlreadyExists, $"This idempotency key was used for another image, whose answer is prediction {first.PredictionId}; give each image a key of its own.");

    // The draft writes the header as a string in double quotes; most callers leave them out.
    private static string Unquote(string header) => header.Length >= 2 && header[0] == '"' && header[^1] == '"'
        ? header[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal)
        : header;
}

/// <summary>An answer that is to stand under a key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Answer">The serialised answer.</param>
internal sealed record KeyedAnswer(string Key, byte[] Answer);

/// <summary>The answer that stands under a key.</summary>
/// <param name="ImageSha256">What it is about.</param>
/// <param name="PredictionId">Its audit row.</param>
/// <param name="Answer">The serialised answer.</param>
internal sealed record FirstAnswer(byte[] ImageSha256, Guid PredictionId, byte[] Answer);
