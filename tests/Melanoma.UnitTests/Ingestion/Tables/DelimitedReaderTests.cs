using System.Globalization;
using System.Text;
using CsCheck;
using Melanoma.Ingestion.Tables;

namespace Melanoma.UnitTests.Ingestion.Tables;

public sealed class DelimitedReaderTests
{
    private static readonly TableLimits Small = TableLimits.Default with { MaxRowBytes = 64, MaxFieldBytes = 30, MaxColumns = 8 };

    private static readonly Gen<string> LineBreaks = Gen.OneOfConst("\n", "\r\n", "\r");

    private static readonly Gen<string> AnyField = Gen.OneOf(
        Gen.String[Gen.OneOfConst('a', 'b', ',', ';', '\t', '"', '\n', '\r', ' ', 'é', '皮'), 0, 12],
        Gen.Const(""),
        Gen.String[Gen.Char.AlphaNumeric, 1, 20]);

    private static readonly Gen<string[][]> AnyRows =
        Gen.Int[1, 6].SelectMany(columns => AnyField.Array[columns].Where(row => row.Any(field => field.Trim().Length > 0)).Array[0, 20]);

    [Fact]
    public void Should_give_back_what_was_written_when_fields_hold_quotes_breaks_and_separators() =>
        Gen.Select(AnyRows, Gen.OneOfConst(',', ';', '\t'), LineBreaks, Gen.Bool, Gen.Int[1, 40]).Sample((rows, separator, lineBreak, endsInBreak, chunk) =>
        {
            var lines = rows.Select(row => string.Join(separator, row.Select(field => Quote(field, separator))));
            var text = string.Join(lineBreak, lines) + (endsInBreak ? lineBreak : "");

            var read = ReadAll(Encoding.UTF8.GetBytes(text), TableLimits.Default, (byte)separator, chunk);

            Assert.All(read, record => Assert.Null(record.Fault));
            Assert.Equal(rows, read.Select(record => record.Fields));
            var line = 1;
            foreach (var (row, record) in rows.Zip(read))
            {
                Assert.Equal(line, record.Line);
                line += 1 + row.Sum(field => field.ReplaceLineEndings("\n").Count(c => c == '\n'));
            }
        }, iter: 2000);

    [Theory]
    [InlineData("a,b\nc,\"d\ne,f\ng,h\n", 2)]
    [InlineData("a,b\nc,\"d\"x\ne,f\ng,h\n", 2)]
    [InlineData("a,b\nc,d\"\ne,f\ng,h\n", 2)]
    [InlineData("a,b\nc,d\0\ne,f\ng,h\n", 2)]
    [InlineData("a,b\nc,d\u0085\ne,f\ng,h\n", 2)]
    [InlineData("a,b\r\nc,ddddddddddddddddddddddddddddddddddddddddddd\r\ne,f\r\ng,h\r\n", 2)]
    [InlineData("a,b\nc,d,,,,,,,,,,,,,,\ne,f\ng,h", 2)]
    public void Should_lose_one_line_when_a_row_is_broken(string text, int brokenLine)
    {
        var read = ReadAll(Encoding.UTF8.GetBytes(text), Small, (byte)',', 7);

        Assert.Equal([1, 2, 3, 4], read.Select(record => record.Line));
        Assert.Equal([brokenLine], read.Where(record => record.Fault is not null).Select(record => record.Line));
        Assert.Equal(["e", "f"], read[2].Fields);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    public void Should_find_the_next_line_when_one_is_far_longer_than_the_buffer(string lineBreak) =>
        Gen.Select(Gen.Int[60, 1200], Gen.Int[1, 300]).Sample((length, chunk) =>
        {
            var text = $"a,b{lineBreak}{new string('x', length)}{lineBreak}c,d{lineBreak}";

            var read = ReadAll(Encoding.UTF8.GetBytes(text), Small, (byte)',', chunk);

            Assert.Equal([1, 2, 3], read.Select(record => record.Line));
            Assert.NotNull(read[1].Fault);
            Assert.Equal(["c", "d"], read[2].Fields);
        }, iter: 300);

    [Theory]
    [InlineData("\"a\n")]
    [InlineData("\"a\"\"\n")]
    [InlineData(",\"\n")]
    [InlineData("\"\"\"\n")]
    [InlineData("\"\"\"x\n")]
    [InlineData("a\"\n")]
    [InlineData("\"\n\"\"\n\"\"\n\"\"\n\"\"\n\"\"\n")]
    public void Should_take_time_in_proportion_when_quotes_are_never_right(string pattern)
    {
        var text = Encoding.ASCII.GetBytes("\"x\n" + string.Concat(Enumerable.Repeat(pattern, 2_000_000 / pattern.Length)));

        var begin = ProcessorTimeOfThread();
        var count = ReadAll(text, TableLimits.Default, (byte)',', 1 << 16).Count;
        var used = ProcessorTimeOfThread() - begin;

        // A quadratic scan of these 2 MB takes minutes. A busy machine makes the clock run faster, and not this.
        Assert.True(used < TimeSpan.FromSeconds(20), $"{used} for {count} records");
    }

    [Fact]
    public void Should_hold_its_buffer_only_when_a_table_is_long()
    {
        using var stream = new Repeated("ISIC_0000001,nevus,\"a, b\",x\r\n"u8.ToArray(), 400_000);
        var reader = new DelimitedReader(stream, TableLimits.Default);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var count = Count(reader);

        Assert.Equal(400_000, count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    // The kernel counts in hundredths of a second, in the fields 14 and 15; the name in field 2 may hold blanks. The reader never leaves the thread here.
    private static TimeSpan ProcessorTimeOfThread()
    {
        var stat = File.ReadAllText("/proc/thread-self/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromMilliseconds(10 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)));
    }

    private static int Count(DelimitedReader reader)
    {
        var count = 0;
        while (reader.ReadAsync(default).AsTask().Result)
            count++;
        return count;
    }

    private static string Quote(string field, char separator) =>
        field.AsSpan().IndexOfAny($"{separator}\"\r\n") >= 0 || field.Length == 0 ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;

    private static List<(int Line, string? Fault, string[] Fields)> ReadAll(byte[] bytes, TableLimits limits, byte separator, int chunk)
    {
        var reader = new DelimitedReader(new Chunked(bytes, chunk), limits);
        reader.SeparateBy(separator);
        var read = new List<(int, string?, string[])>();
        while (reader.ReadAsync(default).AsTask().Result)
            read.Add((reader.LineNumber, reader.Fault, [.. Enumerable.Range(0, reader.Count).Select(reader.Value)]));
        return read;
    }

    /// <summary>Gives at most so many bytes at a time, as a network does.</summary>
    private sealed class Chunked(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, chunk)], cancellationToken);
    }

    /// <summary>The same bytes again and again, without holding them all.</summary>
    private sealed class Repeated(byte[] bytes, int times) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => (long)bytes.Length * times;

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var count = (int)Math.Min(buffer.Length, Length - _position);
            for (var i = 0; i < count; i++)
                buffer[i] = bytes[(int)((_position + i) % bytes.Length)];
            _position += count;
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
