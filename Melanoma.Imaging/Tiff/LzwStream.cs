namespace Melanoma.Imaging.Tiff;

/// <summary>LZW as in TIFF 6.0, section 13: codes of 9 to 12 bits, highest bit first, growing one code early.</summary>
internal sealed class LzwStream(Stream packed) : UnpackingStream
{
    private const int Clear = 256;
    private const int End = 257;
    private const int MaxCodes = 4096;

    private readonly ushort[] _prefix = new ushort[MaxCodes];
    private readonly byte[] _last = new byte[MaxCodes];
    private readonly byte[] _pending = new byte[MaxCodes];
    private int _pendingFrom = MaxCodes;
    private int _next = End + 1;
    private int _width = 9;
    private int _previous = -1;
    private byte _previousFirst;
    private uint _bits;
    private int _bitCount;
    private bool _ended;

    public override int Read(Span<byte> buffer)
    {
        var written = 0;
        while (written < buffer.Length)
        {
            if (_pendingFrom == MaxCodes && !Unpack())
                break;
            var count = Math.Min(MaxCodes - _pendingFrom, buffer.Length - written);
            _pending.AsSpan(_pendingFrom, count).CopyTo(buffer[written..]);
            _pendingFrom += count;
            written += count;
        }

        return written;
    }

    // Puts the bytes of the next code at the end of the pending ones.
    private bool Unpack()
    {
        var code = NextCode();
        while (code == Clear)
        {
            _next = End + 1;
            _width = 9;
            _previous = -1;
            code = NextCode();
        }

        if (code is < 0 or End || _ended)
        {
            _ended = true;
            return false;
        }

        var isNew = code >= _next;
        if ((isNew && (code > _next || _previous < 0)) || (_previous < 0 && code > 255))
            throw new InvalidDataException("An LZW code comes before its meaning.");
        if (isNew)
            _pending[--_pendingFrom] = _previousFirst;
        for (var at = isNew ? _previous : code; ; at = _prefix[at])
        {
            _pending[--_pendingFrom] = at < Clear ? (byte)at : _last[at];
            if (at < Clear)
                break;
        }

        var first = _pending[_pendingFrom];
        if (_previous >= 0 && _next < MaxCodes)
        {
            _prefix[_next] = (ushort)_previous;
            _last[_next++] = first;
            if (_next >= (1 << _width) - 1 && _width < 12)
                _width++;
        }

        _previous = code;
        _previousFirst = first;
        return true;
    }

    private int NextCode()
    {
        while (_bitCount < _width)
        {
            var value = packed.ReadByte();
            if (value < 0)
                return -1;
            _bits = (_bits << 8) | (uint)value;
            _bitCount += 8;
        }

        _bitCount -= _width;
        return (int)((_bits >> _bitCount) & ((1u << _width) - 1));
    }
}
