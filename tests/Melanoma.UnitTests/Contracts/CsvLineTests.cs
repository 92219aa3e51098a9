using System.Text;
using CsCheck;
using Melanoma.Contracts;

namespace Melanoma.UnitTests.Contracts;

public sealed class CsvLineTests
{
    private static readonly Gen<string> GenField = Gen.Char["ab,;\"'=+-@ \t\r\n|é＝"].Array[0, 12].Select(characters => new string(characters));

    [Fact]
    public void Should_come_back_and_never_be_a_formula_when_a_field_is_anything()
    {
        GenField.Array[1, 5].Sample(fields =>
        {
            var text = new StringBuilder();
            CsvLine.Append(text, fields);

            var read = Read(text.ToString());

            Assert.Equal(fields.Length, read.Count);
            Assert.All(fields.Zip(read), pair =>
            {
                var isFormula = pair.First.TrimStart(' ') is [var start, ..] && "=+-@\t\r\n＝".Contains(start, StringComparison.Ordinal);
                Assert.Equal(isFormula ? $"'{pair.First}" : pair.First, pair.Second);
            });
        });
    }

    private static List<string> Read(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (quoted && line[i] == '"' && line[i + 1] == '"')
                field.Append(line[i++]);
            else if (line[i] == '"')
                quoted = !quoted;
            else if (!quoted && line[i] is ',' or '\r')
                EndField();
            else if (quoted || line[i] != '\n')
                field.Append(line[i]);
        }

        return fields;

        void EndField()
        {
            fields.Add(field.ToString());
            field.Clear();
        }
    }
}
