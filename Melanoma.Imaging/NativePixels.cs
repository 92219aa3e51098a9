using System.Runtime.InteropServices;

namespace Melanoma.Imaging;

/// <summary>Zeroed memory outside the collected heap, given back at once: pictures differ too much in size to be worth pooling.</summary>
internal sealed unsafe class NativePixels : IDisposable
{
    private void* _memory;

    public NativePixels(int width, int height, int channels)
    {
        Width = width;
        Height = height;
        Length = checked(width * height * channels);
        _memory = NativeMemory.AllocZeroed((nuint)Length);
    }

    ~NativePixels() => Free();

    public int Width { get; }

    public int Height { get; }

    public int Length { get; }

    public nint Address => (nint)_memory;

    public Span<byte> Span => new(_memory, Length);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
