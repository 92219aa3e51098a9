using Melanoma.Training.Images;
using static TorchSharp.torch;

namespace Melanoma.Training.Loop;

/// <summary>
/// Batches of decoded pictures where the network calculates. On an accelerator all pictures lie in its memory where they fit: taking a batch out of them costs
/// nothing beside a step, and no bus is in the way.
/// </summary>
internal sealed class PixelSource : IDisposable
{
    private const int UploadBatch = 1024;

    private readonly ImageCache _cache;
    private readonly Device _device;
    private readonly Tensor? _resident;

    /// <param name="residentBytes">Most bytes that may lie in an accelerator's memory.</param>
    public PixelSource(ImageCache cache, Device device, long residentBytes)
    {
        (_cache, _device) = (cache, device);
        if (device.type == TorchSharp.DeviceType.CPU || (long)cache.Count * cache.BytesPerImage > residentBytes)
        {
            return;
        }

        using var scope = NewDisposeScope();
        _resident = empty([cache.Count, cache.Size, cache.Size, 3], ScalarType.Byte, device).DetachFromDisposeScope();
        foreach (var chunk in Enumerable.Range(0, cache.Count).Chunk(UploadBatch))
        {
            using var batch = NewDisposeScope();
            _resident.narrow(0, chunk[0], chunk.Length).copy_(Copy(chunk));
        }
    }

    /// <summary>The pictures themselves.</summary>
    public ImageCache Images => _cache;

    /// <summary>Pictures, uint8 [N,H,W,3].</summary>
    /// <param name="images">Their places in the cache.</param>
    public Tensor Batch(int[] images) => _resident is null
        ? Copy(images).to(_device, non_blocking: true)
        : _resident.index_select(0, tensor(Array.ConvertAll(images, image => (long)image)).to(_device, non_blocking: true));

    public void Dispose() => _resident?.Dispose();

    private Tensor Copy(int[] images)
    {
        var batch = empty([images.Length, _cache.Size, _cache.Size, 3], ScalarType.Byte);
        var bytes = batch.bytes;
        for (var i = 0; i < images.Length; i++)
        {
            _cache[images[i]].CopyTo(bytes[(i * _cache.BytesPerImage)..]);
        }

        return batch;
    }
}
