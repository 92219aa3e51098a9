using System.Globalization;
using System.Text;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>
/// Takes delivered tables in. Rows are stored in batches of their own, so that other deliveries go on in between; a table that was cut
/// short by a crash is stored again as a whole when it is delivered again.
/// </summary>
internal sealed class TableIntake(MetadataWriter writer)
{
    private const int BatchRows = 1000;
    private const int MaxExamples = 5;
    private const int MaxExampleLength = 300;

    /// <summary>Reads a table to its end and says what it held.</summary>
    public async Task<FileVerdict> ReadAsync(Guid deliveryId, Stream content, CancellationToken cancellationToken)
    {
        var (table, refusal) = await TableReader.OpenAsync(content, TableLimits.Default, cancellationToken);
        if (table is null)
            return FileVerdict.Of(new Refusal(RefusalKinds.UnknownTable, refusal!));

        var batch = new List<MetadataRow>(BatchRows);
        var examples = new List<string>();
        int taken = 0, refused = 0, unlabelled = 0;
        await foreach (var entry in table.ReadAsync(cancellationToken))
        {
            if (entry is TableRow row)
            {
                taken++;
                unlabelled += row.Diagnoses is null ? 1 : 0;
                batch.Add(Map(row, table.Kind, deliveryId));
            }
            else if (entry is RefusedRow bad && refused++ < MaxExamples)
            {
                examples.Add(string.Create(CultureInfo.InvariantCulture, $"line {bad.LineNumber}: {Shorten(bad.Reason)}"));
            }

            if (batch.Count == BatchRows)
            {
                await writer.WriteAsync(batch, cancellationToken);
                batch.Clear();
            }
        }

        if (batch.Count > 0)
            await writer.WriteAsync(batch, cancellationToken);
        var summary = Summarise(table.Kind.Name, taken, refused, unlabelled, examples);
        return taken > 0
            ? FileVerdict.Metadata(summary)
            : FileVerdict.Of(new Refusal(RefusalKinds.NoRows, summary + ". Correct the rows and deliver the table again."));
    }

    private static string Summarise(string kind, int taken, int refused, int unlabelled, List<string> examples)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{kind}: {taken:N0} rows taken");
        if (refused > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", {refused:N0} refused ({string.Join("; ", examples)}");
            text.Append(refused > examples.Count ? "; ...)" : ")");
        }

        if (unlabelled > 0)
            text.Append(CultureInfo.InvariantCulture, $", {unlabelled:N0} without a known diagnosis");
        return text.ToString();
    }

    private static string Shorten(string reason) => reason.Length <= MaxExampleLength ? reason.TrimEnd('.') : reason[..MaxExampleLength] + "...";

    private static MetadataRow Map(TableRow row, TableKind kind, Guid deliveryId) => new()
    {
        IsicId = row.IsicId,
        TableName = kind.Name,
        DeliveryId = deliveryId,
        Diagnoses = row.Diagnoses,
        Rank = row.Rank,
        LesionId = row.LesionId,
        PatientId = row.PatientId,
        AgeYears = (short?)row.AgeYears,
        Sex = row.Sex,
        Site = row.Site,
        SkinTone = row.SkinTone,
        Licence = row.Licence,
        Attribution = row.Attribution,
        Source = row.Source,
    };
}
