using System.IO.Compression;
using System.Text;
using CsCheck;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Ingestion.Tables;

public sealed class TableReaderTests
{
    private const string Plain = "isic_id,diagnosis,lesion_id,age,sex,site,attribution\n"
        + "ISIC_0000001,nevus,L1,50,male,back,\"A, B\"\nISIC_0000002,melanoma|nevus,L1,55,female,\"hand\",C\nISIC_0000003,,\"L\"\"3\",5,,,D\n";

    private static readonly Gen<byte> AwkwardByte =
        Gen.OneOf(Gen.Byte, Gen.OneOfConst((byte)'"', (byte)',', (byte)'\n', (byte)'\r', (byte)0, (byte)0xC2));

    [Fact]
    public async Task Should_take_every_row_when_the_real_metadata_of_ham10000_is_read()
    {
        await using var archive = await ZipFile.OpenReadAsync(SharedData.Require("ham10000-200x150.zip"), TestContext.Current.CancellationToken);
        await using var stream = await archive.GetEntry("HAM10000_metadata.csv")!.OpenAsync(TestContext.Current.CancellationToken);
        var (table, _) = await TableReader.OpenAsync(stream, TableLimits.Default, TestContext.Current.CancellationToken);

        var rows = (await table!.ReadAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken)).Cast<TableRow>().ToList();

        // Counted with another CSV reader.
        Assert.Equal("HAM10000 metadata", table.Kind.Name);
        Assert.Equal(10_015, rows.Count);
        Assert.Equal(5_340, rows.Count(row => row.Rank == ClaimRank.Histopathology));
        Assert.Equal(1_099, rows.Count(row => row.Diagnoses?.ToString() == "pigmented benign keratosis or seborrheic keratosis"));
        Assert.Equal(57, rows.Count(row => row.AgeYears is null));
        Assert.Equal(234, rows.Count(row => row.Site is null));
        Assert.All(rows, row => Assert.True(row is { Diagnoses: not null, LesionId: not null, Remarks.Count: 0 }));
    }

    [Theory]
    [InlineData("labels.csv", "label table, which needs diagnosis too")]
    [InlineData("folds.csv", "needs")]
    public async Task Should_say_what_is_missing_when_a_real_file_is_no_table_of_labels(string name, string reason)
    {
        var path = SharedData.Require(name);
        await using var stream = File.OpenRead(path);

        Assert.True(TableReader.LooksLikeTable(Start(stream), path));
        var (table, refusal) = await TableReader.OpenAsync(stream, TableLimits.Default, TestContext.Current.CancellationToken);

        Assert.Null(table);
        Assert.Contains(reason, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", "any,thing\n", true)]
    [InlineData("a.TSV", "any\tthing\n", true)]
    [InlineData("a.csv", "\u00FF\u00FEa\0,\0", true)]
    [InlineData("a.csv", "", false)]
    [InlineData("a.csv", "\u00FF\u00D8\u00FF\u00E0\0\u0010JFIF\0", false)]
    [InlineData("a.csv", "\u0089PNG\r\n\u001A\n\0\0\0\rIHDR", false)]
    [InlineData("labels.txt", "isic_id,diagnosis\nISIC_0000001,nevus\n", true)]
    [InlineData("labels", "\u00EF\u00BB\u00BFlesion_id;image_id;dx;age\n", true)]
    [InlineData("README.txt", "The pictures of this delivery, their diagnosis and their file names\n\nSee isic_id, diagnosis.\n", false)]
    [InlineData("LICENSE.txt", "Creative Commons Attribution-NonCommercial 4.0 International\n", false)]
    [InlineData("ATTRIBUTION", "HAM10000, (c) ViDIR Group; image, lesion\n", false)]
    public void Should_tell_tables_from_pictures_and_prose_when_a_file_begins(string path, string latin1, bool expected) =>
        Assert.Equal(expected, TableReader.LooksLikeTable(Encoding.Latin1.GetBytes(latin1), path));

    [Theory]
    [InlineData("utf-16", "UTF-16")]
    [InlineData("utf-16BE", "UTF-16")]
    [InlineData("utf-32", "UTF-16")]
    public async Task Should_name_the_encoding_when_a_table_is_not_utf8(string encoding, string reason)
    {
        var coding = Encoding.GetEncoding(encoding);
        foreach (var bytes in new[] { coding.GetBytes(Plain), [.. coding.GetPreamble(), .. coding.GetBytes(Plain)] })
        {
            var (table, refusal) = await TableTexts.OpenAsync(bytes);

            Assert.Null(table);
            Assert.True(refusal!.Contains(reason, StringComparison.Ordinal) || encoding == "utf-32", refusal);
        }
    }

    [Fact]
    public async Task Should_refuse_the_row_alone_when_its_bytes_are_not_utf8()
    {
        var entries = await TableTexts.ReadAsync(
            Encoding.Latin1.GetBytes("isic_id,diagnosis,attribution\nISIC_0000001,nevus,Clínic\nISIC_0000002,nevus,Clinic\n"));

        Assert.Contains("UTF-8", Assert.IsType<RefusedRow>(entries[0]).Reason, StringComparison.Ordinal);
        Assert.Equal("ISIC_0000002", Assert.IsType<TableRow>(entries[1]).IsicId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\r\n\n")]
    [InlineData("\uFEFF")]
    [InlineData("\"isic_id,diagnosis\nISIC_0000001,nevus\n")]
    [InlineData("isic_id,diagnosis\0\nISIC_0000001,nevus\n")]
    [InlineData("isic_id,diagnosis,Diagnosis\nISIC_0000001,nevus,melanoma\n")]
    public async Task Should_refuse_the_file_when_it_has_no_usable_header(string text) => Assert.NotEmpty(await TableTexts.RefusalAsync(text));

    [Fact]
    public async Task Should_refuse_the_file_when_its_header_is_over_the_limits()
    {
        var wide = "isic_id,diagnosis" + string.Concat(Enumerable.Range(0, 300).Select(i => $",c{i}"));
        var longNames = "isic_id,diagnosis" + string.Concat(Enumerable.Range(0, 20).Select(i => $",{new string('c', 1000)}{i}"));

        Assert.Contains("256 columns", await TableTexts.RefusalAsync(wide), StringComparison.Ordinal);
        Assert.Contains("16384 bytes", await TableTexts.RefusalAsync(longNames), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_how_many_lines_in_when_a_quoted_field_spans_lines()
    {
        var entries = await TableTexts.ReadAsync("isic_id,diagnosis,attribution\r\nISIC_0000001,nevus,\"A\r\n  B\"\r\nno id,nevus,\r\n");

        Assert.Equal("A B", Assert.IsType<TableRow>(entries[0]).Attribution);
        Assert.Equal(4, Assert.IsType<RefusedRow>(entries[1]).LineNumber);
    }

    [Fact]
    public void Should_give_or_refuse_every_line_when_bytes_are_mutated() =>
        Gen.Select(Gen.OneOfConst(Seeds), Gen.Select(Gen.Double.Unit, AwkwardByte, Gen.Int[0, 2]).Array[1, 10])
            .Sample((seed, changes) =>
            {
                var file = new List<byte>(seed);
                foreach (var (share, value, kind) in changes)
                {
                    var at = (int)(share * (file.Count - 1));
                    if (kind == 0)
                        file[at] = value;
                    else if (kind == 1)
                        file.Insert(at, value);
                    else
                        file.RemoveAt(at);
                }

                _ = TableReader.LooksLikeTable(file.ToArray(), "a.csv") | TableReader.LooksLikeTable(file.ToArray(), "a");
                var (table, refusal) = TableTexts.OpenAsync([.. file]).Result;
                Assert.Equal(table is null, refusal is { Length: > 0 });
                if (table is null)
                    return;
                var entries = table.ReadAsync(default).ToBlockingEnumerable().ToList();
                Assert.Equal(entries.OrderBy(entry => entry.LineNumber).DistinctBy(entry => entry.LineNumber), entries);
                Assert.All(entries, entry => AssertStorable(entry));
                Assert.All(entries.OfType<RefusedRow>(), row => Assert.NotEmpty(row.Reason));

                // Without a quote every line with text behind the header is a row of its own.
                if (!file.Contains((byte)'"'))
                {
                    var text = Encoding.Latin1.GetString([.. file]).Replace("\r\n", "\n", StringComparison.Ordinal);
                    var lines = text.Split('\n', '\r').SkipWhile(line => line.Length == 0).Skip(1);
                    Assert.Equal(lines.Count(line => line.Trim(' ', '\t', ',').Length > 0), entries.Count);
                }
            }, iter: 4000);

    private static readonly byte[][] Seeds =
    [
        Encoding.UTF8.GetBytes(Plain),
        Encoding.UTF8.GetBytes(Plain.Replace("\"", "", StringComparison.Ordinal).Replace("A, B", "Clínic", StringComparison.Ordinal)),
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\r\nISIC_0000001,1,0,0,0,0,0,0\r\nISIC_0000002,0,1,0,0,0,0,0\r\n"u8.ToArray(),
        "isic_id,attribution,copyright_license,diagnosis_1,diagnosis_3,age_approx\nISIC_0000001,\"A \"\"B\"\"\",CC-BY,Benign,\"Nevus, Spitz\",45\n"u8.ToArray(),
    ];

    private static void AssertStorable(TableEntry entry)
    {
        if (entry is not TableRow row)
            return;
        Assert.Matches("^ISIC_[0-9]{7}$", row.IsicId);
        Assert.False(row.Diagnoses is { IsEmpty: true });
        Assert.True(row.AgeYears is null or (>= 0 and <= 120));
        string?[] texts = [row.LesionId, row.PatientId, row.Sex, row.Site, row.SkinTone, row.Licence, row.Attribution, row.Source, .. row.Remarks];
        Assert.All(texts, text => Assert.False(text is "" || text?.Any(char.IsControl) == true));
    }

    private static byte[] Start(FileStream stream)
    {
        var start = new byte[4096];
        var length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        return start[..length];
    }
}
