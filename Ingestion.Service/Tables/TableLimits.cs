namespace Melanoma.Ingestion.Tables;

/// <summary>What one row of a table may come to. They bound the memory of a reading: four rows of the largest size, however long the table is.</summary>
internal sealed record TableLimits
{
    public static TableLimits Default { get; } = new();

    /// <summary>Bytes of a row, quotes and separators counted. Default 64 KiB.</summary>
    public int MaxRowBytes { get; init; } = 64 << 10;

    /// <summary>Bytes of a field. Default 4 KiB.</summary>
    public int MaxFieldBytes { get; init; } = 4 << 10;

    /// <summary>Columns of a table. Default 256; the ISIC Archive knows about a hundred.</summary>
    public int MaxColumns { get; init; } = 256;

    /// <summary>Bytes of the header. Default 16 KiB.</summary>
    public int MaxHeaderBytes { get; init; } = 16 << 10;

    /// <summary>Characters of an id of a lesion or patient, and of the name of a source. Default 100.</summary>
    public int MaxIdLength { get; init; } = 100;
}
