using System.Runtime.InteropServices;

namespace Melanoma.Imaging;

/// <summary>Zeroed memory outside the collected heap. What pictures of ordinary size need is kept for the next one, a block a processor; what large ones need is given back at once.</summary>
internal sealed unsafe class NativePixels : IDisposable
{
    /// <summary>Largest block that is kept: four bytes for each of two megapixels.</summary>
    private const int LargestKept = 8 << 20;

    private static readonly nint[] Kept = new nint[Environment.ProcessorCount];

    private Block* _block;

    public NativePixels(int width, int height, int channels)
    {
        Width = width;
        Height = height;
        Length = checked(width * height * channels);
        _block = Length <= LargestKept ? TakeKept(Length) : null;
        if (_block is null)
        {
            _block = (Block*)NativeMemory.AllocZeroed((nuint)sizeof(Block) + (nuint)Length);
            _block->Capacity = Length;
        }
        else
        {
            Span.Clear();
        }
    }

    ~NativePixels() => Free();

    public int Width { get; }

    public int Height { get; }

    public int Length { get; }

    public nint Address => (nint)(_block + 1);

    public Span<byte> Span => new(_block + 1, Length);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    // A block that is too small is given up for one that fits: sizes of pictures change seldom.
    private static Block* TakeKept(int length)
    {
        for (var at = 0; at < Kept.Length; at++)
        {
            var block = (Block*)Interlocked.Exchange(ref Kept[at], 0);
            if (block is null)
                continue;
            if (block->Capacity >= length)
                return block;
            NativeMemory.Free(block);
            return null;
        }

        return null;
    }

    private static bool TryKeep(Block* block)
    {
        if (block->Capacity > LargestKept)
            return false;
        for (var at = 0; at < Kept.Length; at++)
        {
            if (Interlocked.CompareExchange(ref Kept[at], (nint)block, 0) == 0)
                return true;
        }

        return false;
    }

    private void Free()
    {
        var block = _block;
        _block = null;
        if (block is not null && !TryKeep(block))
            NativeMemory.Free(block);
    }

    /// <summary>Stands before the pixels, which stay aligned behind it.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Block
    {
        public int Capacity;
    }
}
