using System.Text;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Tables as files: reading is strict RFC 4180, rows of fields by the names in the first row.</summary>
internal static class CsvTable
{
    /// <summary>A table of lines whose fields need no quotes.</summary>
    public static byte[] Write(string header, IEnumerable<string> lines) => Encoding.UTF8.GetBytes(string.Join('\n', [header, .. lines]) + "\n");

    public static List<Dictionary<string, string>> Read(string text)
    {
        var rows = new List<List<string>> { new() };
        var field = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                Assert.Equal(0, field.Length);
                for (i++; text[i] != '"' || (i + 1 < text.Length && text[i + 1] == '"'); i++)
                {
                    field.Append(text[i]);
                    i += text[i] == '"' ? 1 : 0;
                }
            }
            else if (text[i] == ',')
            {
                EndField();
            }
            else if (text[i] == '\r')
            {
                Assert.Equal('\n', text[++i]);
                EndField();
                rows.Add([]);
            }
            else
            {
                field.Append(text[i]);
            }
        }

        Assert.Empty(rows[^1]);
        return [.. rows.Skip(1).SkipLast(1).Select(row =>
        {
            Assert.Equal(rows[0].Count, row.Count);
            return rows[0].Zip(row).ToDictionary(pair => pair.First, pair => pair.Second);
        })];

        void EndField()
        {
            rows[^1].Add(field.ToString());
            field.Clear();
        }
    }
}
