using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Melanoma.Imaging;

/// <summary>Parts interleaved pixels into a plane for each channel.</summary>
internal static class RgbPlanes
{
    private const int Step = 16;

    // Where in each of three vectors the reds, greens and blues of 16 pixels lie, and nothing where they do not.
    private static readonly Vector128<byte>[] Places = [.. Enumerable.Range(0, 9).Select(i => PlacesOf(i / 3, i % 3))];

    /// <summary>Parts pixels of 3 bytes.</summary>
    /// <param name="pixels">A multiple of 16 pixels.</param>
    /// <param name="planes">Receives all reds, then all greens, then all blues; as long as the pixels.</param>
    public static void Split(ReadOnlySpan<byte> pixels, Span<byte> planes)
    {
        var width = pixels.Length / 3;
        ArgumentOutOfRangeException.ThrowIfNotEqual(width % Step, 0, nameof(pixels));
        ArgumentOutOfRangeException.ThrowIfLessThan(planes.Length, pixels.Length, nameof(planes));
        ref var source = ref MemoryMarshal.GetReference(pixels);
        ref var target = ref MemoryMarshal.GetReference(planes);
        for (var channel = 0; channel < 3; channel++)
        {
            var (first, second, third) = (Places[3 * channel], Places[(3 * channel) + 1], Places[(3 * channel) + 2]);
            for (var x = 0; x < width; x += Step)
            {
                var values = Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)(3 * x)), first)
                    | Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)((3 * x) + Step)), second)
                    | Vector128.Shuffle(Vector128.LoadUnsafe(ref source, (nuint)((3 * x) + (2 * Step))), third);
                values.StoreUnsafe(ref target, (nuint)((channel * width) + x));
            }
        }
    }

    private static Vector128<byte> PlacesOf(int channel, int part)
    {
        var places = new byte[Step];
        for (var i = 0; i < Step; i++)
            places[i] = (3 * i) + channel - (part * Step) is >= 0 and < Step and var at ? (byte)at : byte.MaxValue;
        return Vector128.Create(places);
    }
}
