namespace Melanoma.Ingestion.Deliveries;

/// <summary>Files for what is too large for memory.</summary>
internal static class NamelessFile
{
    /// <summary>A file that only this process can read, and that is gone with it.</summary>
    /// <param name="folder">Where; the system's folder for temporary files when null.</param>
    public static FileStream Create(string? folder)
    {
        folder ??= Path.GetTempPath();
        Directory.CreateDirectory(folder);
        var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete };
        if (!OperatingSystem.IsWindows())
            create.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(Path.Combine(folder, $"melanoma-{Guid.NewGuid():N}.spool"), create);

        // The open file lives on without its name, and kill -9 leaves nothing behind.
        File.Delete(file.Name);
        return file;
    }
}
