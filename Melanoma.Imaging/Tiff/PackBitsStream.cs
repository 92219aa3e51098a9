namespace Melanoma.Imaging.Tiff;

/// <summary>Run lengths as in TIFF 6.0, section 9.</summary>
internal sealed class PackBitsStream(Stream packed) : UnpackingStream
{
    private int _literal;
    private int _repeat;
    private byte _value;

    public override int Read(Span<byte> buffer)
    {
        var written = 0;
        while (written < buffer.Length && NextRun())
        {
            if (_repeat > 0)
            {
                var run = Math.Min(_repeat, buffer.Length - written);
                buffer.Slice(written, run).Fill(_value);
                _repeat -= run;
                written += run;
            }
            else
            {
                var read = packed.Read(buffer.Slice(written, Math.Min(_literal, buffer.Length - written)));
                if (read == 0)
                    break;
                _literal -= read;
                written += read;
            }
        }

        return written;
    }

    private bool NextRun()
    {
        while (_literal == 0 && _repeat == 0)
        {
            var control = packed.ReadByte();
            if (control < 0)
                return false;
            if (control < 128)
            {
                _literal = control + 1;
            }
            else if (control > 128)
            {
                var value = packed.ReadByte();
                if (value < 0)
                    return false;
                _repeat = 257 - control;
                _value = (byte)value;
            }
        }

        return true;
    }
}
