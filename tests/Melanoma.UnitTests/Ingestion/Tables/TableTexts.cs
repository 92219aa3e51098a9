using System.Text;
using Melanoma.Ingestion.Tables;

namespace Melanoma.UnitTests.Ingestion.Tables;

/// <summary>Reads tables that a test holds as text or bytes.</summary>
internal static class TableTexts
{
    public static Task<(TableReader? Table, string? Refusal)> OpenAsync(string text) => OpenAsync(Encoding.UTF8.GetBytes(text));

    public static Task<(TableReader? Table, string? Refusal)> OpenAsync(byte[] bytes, TableLimits? limits = null) =>
        TableReader.OpenAsync(new MemoryStream(bytes), limits ?? TableLimits.Default, TestContext.Current.CancellationToken);

    public static async Task<string> RefusalAsync(string text)
    {
        var (table, refusal) = await OpenAsync(text);
        Assert.Null(table);
        return Assert.IsType<string>(refusal);
    }

    public static Task<List<TableEntry>> ReadAsync(string text, TableLimits? limits = null) => ReadAsync(Encoding.UTF8.GetBytes(text), limits);

    public static async Task<List<TableEntry>> ReadAsync(byte[] bytes, TableLimits? limits = null)
    {
        var (table, refusal) = await OpenAsync(bytes, limits);
        Assert.Null(refusal);
        return await table!.ReadAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
    }

    public static async Task<TableRow> RowAsync(string text) => Assert.IsType<TableRow>(Assert.Single(await ReadAsync(text)));
}
