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
        var repeated = new RepeatedIds();
        var contradictions = new List<string>();
        var remarks = new RemarkCounts();
        int taken = 0, refused = 0, unlabelled = 0;
        await foreach (var entry in table.ReadAsync(cancellationToken))
        {
            if (entry is TableRow row)
            {
                taken++;
                unlabelled += row.Diagnoses is null ? 1 : 0;
                remarks.Add(row);
                var name = TableNames.Of(table.Kind.Name, row.Source);
                var before = repeated.Contradictory;
                if (repeated.Place(name, row) is { } place)
                    batch.Add(Map(row, place == 0 ? name : TableNames.Further(name, place), deliveryId));
                if (repeated.Contradictory > before && contradictions.Count < MaxExamples)
                    contradictions.Add(string.Create(CultureInfo.InvariantCulture, $"{row.IsicId} on line {row.LineNumber}"));
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
        var summary = Summarise(table.Kind.Name, taken, (refused, examples), unlabelled, (repeated.Contradictory, contradictions), remarks.Say());
        return taken > 0
            ? FileVerdict.Metadata(summary)
            : FileVerdict.Of(new Refusal(RefusalKinds.NoRows, summary + ". Correct the rows and deliver the table again."));
    }

    private static string Summarise(
        string kind, int taken, (int Count, List<string> Examples) refused, int unlabelled, (int Count, List<string> Examples) contradictory, string? remarks)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{kind}: {taken:N0} rows taken");
        if (refused.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $", {refused.Count:N0} refused ({Join(refused)})");
        if (unlabelled > 0)
            text.Append(CultureInfo.InvariantCulture, $", {unlabelled:N0} without a known diagnosis");
        if (contradictory.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $", {contradictory.Count:N0} ids whose rows contradict each other ({Join(contradictory)})");
        if (remarks is not null)
            text.Append(CultureInfo.InvariantCulture, $"; left out: {remarks}");
        return text.ToString();
    }

    private static string Join((int Count, List<string> Examples) few) => string.Join("; ", few.Examples) + (few.Count > few.Examples.Count ? "; ..." : "");

    private static string Shorten(string reason) => reason.Length <= MaxExampleLength ? reason.TrimEnd('.') : reason[..MaxExampleLength] + "...";

    private static MetadataRow Map(TableRow row, string tableName, Guid deliveryId) => new()
    {
        IsicId = row.IsicId,
        TableName = tableName,
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
