using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;
using Microsoft.Extensions.Options;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Decodes pictures whole, so that a damaged one is refused here and not found by whoever trains on it. One per process: it bounds memory and processors.</summary>
internal sealed class PictureJudge(IOptions<DeliveryOptions> options) : IDisposable
{
    // Measures and signature look at the same small square, so the picture need not be decoded at its full size.
    private const int Side = PictureMeasures.Side;
    private const int PixelsPerPermit = 1024;

    private readonly SemaphoreSlim _processors = new(Environment.ProcessorCount);
    private readonly ConcurrencyLimiter _pixels = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = Permits(options.Value.MaxDecodingPixels),
        QueueLimit = int.MaxValue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    // One for each processor; they are too large to be made anew for every picture.
    private readonly ConcurrentBag<RgbImage> _squares = [];

    private readonly int _maxPermits = Permits(options.Value.MaxDecodingPixels);

    /// <summary>Decodes a file: a picture, or why it is none.</summary>
    public async Task<(Picture? Picture, Refusal? Refusal)> JudgeAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        if (!ImageInspector.TryInspect(bytes, ImageLimits.Default, out var header, out var refusal))
            return (null, Refusal.Of(refusal));

        using var room = await _pixels.AcquireAsync(Math.Min(Permits(header.PixelCount), _maxPermits), cancellationToken);
        await _processors.WaitAsync(cancellationToken);
        RgbImage? square = null;
        try
        {
            if (!_squares.TryTake(out square))
                square = new RgbImage(Side, Side);
            if (!ImageDecoder.TryDecodeToSketch(bytes, Side, square.Pixels, ImageLimits.Default, out refusal))
                return (null, Refusal.Of(refusal));
            var signature = PictureSignature.Compute(square, header.UprightWidth, header.UprightHeight);
            return (new Picture(
                header.MediaType, header.UprightWidth, header.UprightHeight, PictureMeasures.Of(square, header, bytes), signature, NearDuplicateIndex.KeysOf(signature)), null);
        }
        finally
        {
            if (square is not null)
                _squares.Add(square);
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
