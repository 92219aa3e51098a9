using Melanoma.Ingestion.Tables;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>How a delivered file is read.</summary>
internal enum FileKind
{
    /// <summary>As a picture: everything that is nothing else.</summary>
    Picture,

    /// <summary>As a table of labels or metadata.</summary>
    Table,

    /// <summary>As a ZIP archive.</summary>
    Zip,

    /// <summary>As a tar archive.</summary>
    Tar,

    /// <summary>As a tar archive packed by gzip.</summary>
    Gzip,
}

/// <summary>Tells kinds of files by their first bytes; names count only for tables, which are text like any other.</summary>
internal static class FileKinds
{
    /// <summary>How many first bytes are enough.</summary>
    public const int StartBytes = 64 * 1024;

    public static FileKind Of(ReadOnlySpan<byte> start, string path)
    {
        if (start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith("PK\u0005\u0006"u8))
            return FileKind.Zip;
        if (start is [0x1F, 0x8B, 8, ..])
            return FileKind.Gzip;
        if (TarHeader.TryRead(start, out _))
            return FileKind.Tar;
        return TableReader.LooksLikeTable(start, path) ? FileKind.Table : FileKind.Picture;
    }

    public static bool IsArchive(this FileKind kind) => kind is FileKind.Zip or FileKind.Tar or FileKind.Gzip;
}
