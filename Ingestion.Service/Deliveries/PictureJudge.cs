using System.Threading.RateLimiting;
using Melanoma.Imaging;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Decodes pictures whole, so that a damaged one is refused here and not found by whoever trains on it. One per process: it bounds memory and processors.</summary>
internal sealed class PictureJudge(IOptions<DeliveryOptions> options) : IDisposable
{
    // The perceptual hash looks at 32 x 32; decoding to that at once spares a second copy of every large picture.
    private const int Side = 32;
    private const int PixelsPerPermit = 1024;

    private readonly SemaphoreSlim _processors = new(Environment.ProcessorCount);
    private readonly ConcurrencyLimiter _pixels = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = Permits(options.Value.MaxDecodingPixels),
        QueueLimit = int.MaxValue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    private readonly int _maxPermits = Permits(options.Value.MaxDecodingPixels);

    /// <summary>Decodes a file: a picture, or why it is none.</summary>
    public async Task<(Picture? Picture, Refusal? Refusal)> JudgeAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        if (!ImageInspector.TryInspect(bytes, ImageLimits.Default, out var header, out var refusal))
            return (null, Refusal.Of(refusal));

        using var room = await _pixels.AcquireAsync(Math.Min(Permits(header.PixelCount), _maxPermits), cancellationToken);
        await _processors.WaitAsync(cancellationToken);
        try
        {
            var square = new byte[Side * Side * 3];
            if (!ImageDecoder.TryDecodeToSquare(bytes, Side, square, ImageLimits.Default, out refusal))
                return (null, Refusal.Of(refusal));
            var hash = (long)ImageFingerprint.PerceptualHash(new RgbImage(Side, Side, square));
            return (new Picture(header.MediaType, header.UprightWidth, header.UprightHeight, hash), null);
        }
        finally
        {
            _processors.Release();
        }
    }

    public void Dispose()
    {
        _processors.Dispose();
        _pixels.Dispose();
    }

    private static int Permits(long pixels) => (int)Math.Max(1, pixels / PixelsPerPermit);
}
