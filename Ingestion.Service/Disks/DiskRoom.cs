namespace Melanoma.Ingestion.Disks;

/// <summary>The room on a disk that this process fills.</summary>
/// <param name="Holds">What lies there: <c>spool</c>, <c>drop-folder</c> or <c>database</c>.</param>
/// <param name="Folder">A folder on it.</param>
/// <param name="FreeBytes">Free bytes.</param>
/// <param name="TotalBytes">Bytes that it has.</param>
/// <param name="LimitBytes">With fewer free bytes nothing new is taken.</param>
internal sealed record DiskRoom(string Holds, string Folder, long FreeBytes, long TotalBytes, long LimitBytes)
{
    public const string Spool = "spool";
    public const string DropFolder = "drop-folder";
    public const string Database = "database";

    /// <summary>Whether there is too little.</summary>
    public bool IsShort => FreeBytes < LimitBytes;

    /// <summary>Measures; null where there is no such folder, or the system does not tell.</summary>
    public static DiskRoom? Measure(string holds, string folder, long limitBytes)
    {
        if (!Directory.Exists(folder))
            return null;
        try
        {
            var disk = new DriveInfo(folder);
            return new DiskRoom(holds, folder, disk.AvailableFreeSpace, disk.TotalSize, limitBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
