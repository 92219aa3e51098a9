using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Tables;

/// <summary>What tables say of an image besides its diagnosis; null where none does.</summary>
internal sealed record ImageFacts(
    string? Licence, string? Attribution, string? Source, short? AgeYears, string? Sex, string? Site, string? SkinTone, string? PatientId)
{
    public static ImageFacts None { get; } = new(null, null, null, null, null, null, null, null);

    /// <summary>For each fact the first row that has it: higher ranks first, then by name of the table, so that the order of deliveries does not matter.</summary>
    public static ImageFacts From(IEnumerable<MetadataRow> rows)
    {
        var ordered = rows.OrderByDescending(row => row.Rank).ThenBy(row => row.TableName, StringComparer.Ordinal).ThenBy(row => row.IsicId, StringComparer.Ordinal).ToList();
        return ordered.Count == 0
            ? None
            : new ImageFacts(
                First(row => row.Licence), First(row => row.Attribution), First(row => row.Source),
                ordered.Select(row => row.AgeYears).FirstOrDefault(age => age is not null),
                First(row => row.Sex), First(row => row.Site), First(row => row.SkinTone), First(row => row.PatientId));

        string? First(Func<MetadataRow, string?> fact) => ordered.Select(fact).FirstOrDefault(value => value is not null);
    }
}
