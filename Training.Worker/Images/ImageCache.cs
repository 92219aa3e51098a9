using System.IO.MemoryMappedFiles;

namespace Melanoma.Training.Images;

/// <summary>Decoded square pictures of one size, uint8 height x width x 3, one after another in a memory-mapped file.</summary>
internal sealed unsafe class ImageCache : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _pixels;

    /// <summary>Opens a file of whole pictures.</summary>
    /// <exception cref="InvalidDataException">The file does not hold whole pictures.</exception>
    public ImageCache(string path, int size)
    {
        Size = size;
        var length = new FileInfo(path).Length;
        if (length == 0 || length % BytesPerImage != 0)
        {
            throw new InvalidDataException($"The image cache {path} has {length} bytes, which is no whole number of {size} x {size} pictures.");
        }

        Count = (int)(length / BytesPerImage);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _pixels = start + _view.PointerOffset;
    }

    /// <summary>Height and width in pixels.</summary>
    public int Size { get; }

    public int Count { get; }

    public int BytesPerImage => Size * Size * 3;

    public ReadOnlySpan<byte> this[int image]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(image);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(image, Count);
            return new ReadOnlySpan<byte>(_pixels + ((long)image * BytesPerImage), BytesPerImage);
        }
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
