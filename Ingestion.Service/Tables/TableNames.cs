namespace Melanoma.Ingestion.Tables;

/// <summary>Under which names the rows of tables are kept and make their claims: tables of one name replace each other, tables of different names contradict each other.</summary>
internal static class TableNames
{
    /// <summary>Our own kind of table.</summary>
    public const string Plain = "label table";

    private const string FurtherMark = " (further row ";

    /// <summary>The name of a row. Our own table may come from anybody, so its sources are claimants of their own; every other kind is one publication.</summary>
    /// <param name="kind">The kind of table.</param>
    /// <param name="source">The source that the row names.</param>
    public static string Of(string kind, string? source) =>
        kind == Plain && source is not null ? $"{Plain}: {source.Replace(FurtherMark, ";", StringComparison.Ordinal)}" : kind;

    /// <summary>The name of a row whose id stood in the same table before, with another claim.</summary>
    /// <param name="name">What <see cref="Of"/> gave.</param>
    /// <param name="number">Which such row of the id it is, from 1.</param>
    public static string Further(string name, int number) => $"{StartOfFurther(name)}{number})";

    /// <summary>What the names of all further rows begin with.</summary>
    public static string StartOfFurther(string name) => name + FurtherMark;

    /// <summary>The name without what <see cref="Further"/> added.</summary>
    public static string WithoutFurther(string name) => name.LastIndexOf(FurtherMark, StringComparison.Ordinal) is >= 0 and var at ? name[..at] : name;

    /// <summary>Within what the lesion ids of a row are compared: a plain table without a source may be anybody's, so only its own delivery counts from 1 once.</summary>
    public static string LesionScope(string name, string? source, Guid deliveryId) =>
        WithoutFurther(name) is var table && table == Plain && source is null ? $"{table}\n{deliveryId}" : $"{table}\n{source}";
}
