using System.Formats.Tar;
using CsCheck;
using Melanoma.Ingestion.Deliveries;
using TarEntry = System.Formats.Tar.TarEntry;
using TarReader = Melanoma.Ingestion.Deliveries.TarReader;

namespace Melanoma.UnitTests.Ingestion;

public sealed class TarReaderTests
{
    private static readonly Gen<(string Name, byte[] Bytes)[]> GenFiles = Gen.Select(
        Gen.Select(Gen.Int[1, 240], Gen.Int[0, 3], (length, depth) => string.Join('/', Enumerable.Repeat(new string('d', 60), depth).Append(new string('ü', length / 2) + "x"))),
        Gen.Byte.Array[0, 1500], (name, bytes) => (name, bytes)).Array[1, 5];

    [Theory]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public Task Should_give_back_names_and_bytes_when_the_framework_wrote_them(TarEntryFormat format) => GenFiles.SampleAsync(async files =>
    {
        var read = await ReadAsync(Write(format, files));
        Assert.Equal(files.Select(file => (file.Name, Convert.ToHexString(file.Bytes))), read.Select(file => (file.Name, Convert.ToHexString(file.Bytes))));
    }, iter: 100, threads: 1);

    [Fact]
    public Task Should_say_that_it_is_damaged_and_nothing_else_when_bytes_are_changed_or_missing() =>
        Gen.Select(GenFiles, Gen.Bool, Gen.Int[0, int.MaxValue - 1], Gen.Byte).SampleAsync(async (files, isCut, at, value) =>
        {
            var tar = Write(TarEntryFormat.Pax, files);
            if (isCut)
                tar = tar[..(at % tar.Length)];
            else
                tar[at % tar.Length] ^= value;
            try
            {
                Assert.All(await ReadAsync(tar), file => Assert.True(file.Bytes.Length <= tar.Length));
            }
            catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
            {
                // It says so.
            }
        }, iter: 1000, threads: 1);

    [Fact]
    public async Task Should_stop_when_more_comes_out_than_may()
    {
        await using var tar = new TarReader(new MemoryStream(Write(TarEntryFormat.Pax, [("a", new byte[100_000])])), maxBytes: 50_000);
        Assert.NotNull(await tar.NextAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArchiveExpandedException>(() => tar.Content.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken));
    }

    private static byte[] Write(TarEntryFormat format, (string Name, byte[] Bytes)[] files)
    {
        using var bytes = new MemoryStream();
        using (var writer = new TarWriter(bytes, format, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                TarEntry entry = format == TarEntryFormat.Gnu ? new GnuTarEntry(TarEntryType.RegularFile, name) : new PaxTarEntry(TarEntryType.RegularFile, name);
                entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    private static async Task<List<(string Name, byte[] Bytes)>> ReadAsync(byte[] tar)
    {
        var files = new List<(string, byte[])>();
        await using var reader = new TarReader(new MemoryStream(tar), long.MaxValue);
        while (await reader.NextAsync(TestContext.Current.CancellationToken) is { } entry)
        {
            using var bytes = new MemoryStream();
            await reader.Content.CopyToAsync(bytes, TestContext.Current.CancellationToken);
            files.Add((entry.Name, bytes.ToArray()));
        }

        return files;
    }
}
