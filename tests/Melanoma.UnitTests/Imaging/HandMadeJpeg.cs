namespace Melanoma.UnitTests.Imaging;

/// <summary>A baseline JPEG of one colour, with any number of components; it can claim any size.</summary>
internal static class HandMadeJpeg
{
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="levels">The value of each component.</param>
    /// <param name="adobeTransform">0 for plain RGB or CMYK, 1 YCbCr, 2 YCCK; null leaves the Adobe marker out.</param>
    public static byte[] Flat(int width, int height, byte[] levels, int? adobeTransform = null)
    {
        var file = new List<byte> { 0xFF, 0xD8 };
        if (adobeTransform is { } transform)
            Segment(file, 0xEE, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, (byte)transform]);
        // All steps of quantisation are 8, so that a DC value is the level less 128.
        Segment(file, 0xDB, [0, .. Enumerable.Repeat((byte)8, 64)]);
        Segment(file, 0xC0, [8, (byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width, (byte)levels.Length,
            .. levels.SelectMany((_, i) => new byte[] { (byte)(i + 1), 0x11, 0 })]);
        // DC: categories 0 to 8 in codes of four bits; AC: only "end of block", in one bit.
        Segment(file, 0xC4, [0x00, 0, 0, 0, 9, .. new byte[12], 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        Segment(file, 0xC4, [0x10, 1, .. new byte[15], 0]);
        Segment(file, 0xDA, [(byte)levels.Length, .. levels.SelectMany((_, i) => new byte[] { (byte)(i + 1), 0x00 }), 0, 63, 0]);

        var bits = new BitWriter(file);
        var blocks = ((width + 7) / 8) * ((height + 7) / 8);
        for (var block = 0; block < blocks; block++)
        {
            foreach (var level in levels)
            {
                var difference = block == 0 ? level - 128 : 0;
                var category = 0;
                while (Math.Abs(difference) >> category != 0)
                    category++;
                bits.Write(category, 4);
                bits.Write(difference < 0 ? difference + (1 << category) - 1 : difference, category);
                bits.Write(0, 1);
            }
        }

        bits.Finish();
        file.AddRange([0xFF, 0xD9]);
        return [.. file];
    }

    /// <summary>Only the markers, for a size that nobody would want to store.</summary>
    public static byte[] Claiming(int width, int height)
    {
        var file = Flat(16, 16, [100, 128, 128]);
        var frame = file.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
        (file[frame + 5], file[frame + 6], file[frame + 7], file[frame + 8]) = ((byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width);
        return file;
    }

    private static void Segment(List<byte> file, byte marker, byte[] data)
    {
        file.AddRange([0xFF, marker, (byte)((data.Length + 2) >> 8), (byte)(data.Length + 2)]);
        file.AddRange(data);
    }

    private sealed class BitWriter(List<byte> file)
    {
        private int _value;
        private int _count;

        public void Write(int value, int count)
        {
            for (var bit = count - 1; bit >= 0; bit--)
            {
                _value = (_value << 1) | ((value >> bit) & 1);
                if (++_count == 8)
                    Flush();
            }
        }

        public void Finish()
        {
            while (_count > 0)
                Write(1, 1);
        }

        private void Flush()
        {
            file.Add((byte)_value);
            if (_value == 0xFF)
                file.Add(0);
            (_value, _count) = (0, 0);
        }
    }
}
