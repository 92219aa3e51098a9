using System.Collections.Immutable;

namespace Melanoma.Ingestion.Tables;

/// <summary>A kind of table that can be read, known by its columns.</summary>
/// <param name="Name">What its claims say about who claims, for example <c>HAM10000 metadata</c>.</param>
/// <param name="IdColumn">The column with the ISIC id.</param>
/// <param name="Required">The columns that make the kind; case, order and further columns do not matter.</param>
/// <param name="Fill">Adds to a row what its fields say, or refuses it.</param>
internal sealed record TableKind(string Name, string IdColumn, ImmutableArray<string> Required, Func<TableFields, TableRow, TableEntry> Fill)
{
    /// <summary>Every kind; where the columns of several are there, the first counts.</summary>
    public static ImmutableArray<TableKind> All { get; } =
    [
        HamMetadata.Kind, GroundTruth.Of2019, GroundTruth.Of2018, GroundTruth.Of2017, ArchiveMetadata.Kind, PlainTable.ById, PlainTable.ByFile,
    ];

    /// <summary>The kind of a table with these columns; null when none has all that it requires.</summary>
    public static TableKind? Recognise(IEnumerable<string> columns)
    {
        var there = ToSet(columns);
        return All.FirstOrDefault(kind => kind.Required.All(there.Contains));
    }

    /// <summary>How many of the columns that the nearest kind requires are there.</summary>
    public static int CountKnown(IEnumerable<string> columns)
    {
        var there = ToSet(columns);
        return All.Max(kind => kind.Required.Count(there.Contains));
    }

    /// <summary>Why a table with these columns cannot be read: the nearest kind and what is missing.</summary>
    public static string Explain(IEnumerable<string> columns)
    {
        var there = ToSet(columns);
        // Of equally near ones the last, which asks for the least.
        var nearest = All.Reverse().MaxBy(kind => (double)kind.Required.Count(there.Contains) / kind.Required.Length)!;
        var missing = nearest.Required.Where(column => !there.Contains(column)).ToList();
        return missing.Count == nearest.Required.Length
            ? "The first line names no column that is known. A table is one of: "
                + $"{string.Join("; ", All.Select(kind => $"{kind.Name} ({string.Join(", ", kind.Required)})"))}."
            : $"The columns are those of no table that is known. The nearest is {nearest.Name}, which needs {Join(missing)} too.";
    }

    private static HashSet<string> ToSet(IEnumerable<string> columns) => new(columns, StringComparer.OrdinalIgnoreCase);

    private static string Join(List<string> names) => names.Count == 1 ? names[0] : $"{string.Join(", ", names[..^1])} and {names[^1]}";
}
