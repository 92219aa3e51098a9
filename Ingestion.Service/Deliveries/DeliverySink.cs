using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using System.Threading.RateLimiting;
using Grpc.Core;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Where the files of a delivery are handed in: it gives each file one line in the report and makes a fast sender wait.</summary>
internal sealed class DeliverySink(ChannelWriter<IncomingFile> files, ConcurrencyLimiter waiting, DeliveryOptions options)
{
    // Sixteen bytes a path, because a delivery may have millions.
    private readonly HashSet<UInt128> _paths = [];
    private int _count;

    /// <summary>Whom to tell when the lines of the files that are handed in from now on are committed.</summary>
    public FileReceipt? Receipt { get; set; }

    /// <summary>Hands in a file that came whole.</summary>
    public async ValueTask AddAsync(string path, byte[] bytes, CancellationToken cancellationToken)
    {
        if (DeliveryPath.IsLitter(path))
            return;
        if (!DeliveryPath.TryParse(path, out var parsed, out var refusal))
        {
            await AddAsync(null, path, [], bytes.Length, FileVerdict.Of(refusal), cancellationToken);
            return;
        }

        await AddAsync(parsed, parsed.Path, bytes, bytes.Length, null, cancellationToken);
    }

    /// <summary>Hands in a file that is refused.</summary>
    public ValueTask RefuseAsync(string path, long sizeBytes, Refusal refusal, CancellationToken cancellationToken) =>
        SettleAsync(path, sizeBytes, FileVerdict.Of(refusal), cancellationToken);

    /// <summary>Hands in a file whose bytes are not looked at as a picture.</summary>
    public ValueTask SettleAsync(string path, long sizeBytes, FileVerdict verdict, CancellationToken cancellationToken)
    {
        if (DeliveryPath.IsLitter(path))
            return ValueTask.CompletedTask;

        // What is wrong with the path says more than what is wrong with the file.
        return DeliveryPath.TryParse(path, out var parsed, out var bad) || bad.Kind == RefusalKinds.UnknownClass
            ? AddAsync(null, parsed?.Path ?? path, [], sizeBytes, verdict, cancellationToken)
            : AddAsync(null, path, [], sizeBytes, FileVerdict.Of(bad), cancellationToken);
    }

    private async ValueTask AddAsync(
        DeliveryPath? path, string reported, byte[] bytes, long sizeBytes, FileVerdict? verdict, CancellationToken cancellationToken)
    {
        if (++_count > options.MaxFiles)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted,
                $"A delivery may have {options.MaxFiles} files. What came so far is stored; send the rest as another delivery."));
        }

        var unique = DeliveryPath.ForReport(reported);
        if (!_paths.Add(KeyOf(unique)))
        {
            // Something has to tell apart in the report what the path cannot.
            for (var number = _count; !_paths.Add(KeyOf(unique)); number++)
                unique = DeliveryPath.ForReport(reported, string.Create(CultureInfo.InvariantCulture, $" [file {number}]"));
            verdict ??= FileVerdict.Of(new Refusal(
                RefusalKinds.PathTwice, "The delivery has two files of this path; the first one counts. Give each file a path of its own."));
        }

        RateLimitLease? lease = null;
        if (verdict is null)
            lease = await waiting.AcquireAsync(DeliveryPipeline.PermitsFor(bytes.Length, options), cancellationToken);
        Receipt?.Expect();
        await files.WriteAsync(
            new IncomingFile(path, unique, verdict is null ? bytes : [], sizeBytes, verdict) { Lease = lease, Receipt = Receipt }, cancellationToken);
    }

    private static UInt128 KeyOf(string path) => BitConverter.ToUInt128(SHA256.HashData(Encoding.UTF8.GetBytes(path)));
}
