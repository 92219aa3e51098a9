using System.Runtime.InteropServices;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>What is at a path.</summary>
internal enum FileType
{
    File,
    Folder,
    Link,

    /// <summary>A pipe, a socket or a device: opening one may wait for ever.</summary>
    Special,
}

/// <summary>How a file looks at one moment; two equal looks are of the same file, unchanged. Links are not followed.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Written">When it was written last.</param>
/// <param name="Identity">Tells files apart; it stays when a file is renamed.</param>
internal readonly partial record struct FileLook(FileType Type, long Size, DateTimeOffset Written, UInt128 Identity)
{
    private const int CurrentFolder = -100;
    private const int DoNotFollow = 0x100;
    private const int DescriptorItself = 0x1000;
    private const uint BasicFields = 0x7FF;
    private const long MinSeconds = -60_000_000_000;
    private const long MaxSeconds = 250_000_000_000;
    private const int NotFound = 2;
    private const int NotAFolder = 20;

    /// <summary>Looks at a path; null when nothing is there.</summary>
    /// <exception cref="IOException">It cannot be looked at.</exception>
    public static FileLook? At(string path) => OperatingSystem.IsLinux() ? At(CurrentFolder, path, DoNotFollow) : AtByFramework(path);

    /// <summary>Looks at an open file.</summary>
    /// <exception cref="IOException">It cannot be looked at.</exception>
    public static FileLook Of(FileStream file)
    {
        if (!OperatingSystem.IsLinux())
            return AtByFramework(file.Name) ?? throw new FileNotFoundException($"{file.Name} has gone.");
        var handle = file.SafeFileHandle;
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            return At((int)handle.DangerousGetHandle(), "", DescriptorItself)!.Value;
        }
        finally
        {
            if (isHeld)
                handle.DangerousRelease();
        }
    }

    // struct statx of Linux, which is the same on every processor.
    private static FileLook? At(int folder, string path, int flags)
    {
        var fields = new byte[256];
        if (Statx(folder, path, flags, BasicFields, fields) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NotFound or NotAFolder ? null : throw new IOException($"{path} cannot be looked at: {Marshal.GetPInvokeErrorMessage(error)}.");
        }

        var type = (BitConverter.ToUInt16(fields, 28) & 0xF000) switch
        {
            0x8000 => FileType.File,
            0x4000 => FileType.Folder,
            0xA000 => FileType.Link,
            _ => FileType.Special,
        };
        var seconds = Math.Clamp(BitConverter.ToInt64(fields, 112), MinSeconds, MaxSeconds);
        var written = DateTimeOffset.UnixEpoch.AddTicks((seconds * TimeSpan.TicksPerSecond) + (BitConverter.ToUInt32(fields, 120) / TimeSpan.NanosecondsPerTick));
        var device = ((ulong)BitConverter.ToUInt32(fields, 136) << 32) | BitConverter.ToUInt32(fields, 140);
        return new FileLook(type, BitConverter.ToInt64(fields, 40), written, new UInt128(device, BitConverter.ToUInt64(fields, 32)));
    }

    private static FileLook? AtByFramework(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            return new FileLook(FileType.Link, 0, file.LastWriteTimeUtc, 0);
        if (file.Exists)
            return new FileLook(FileType.File, file.Length, file.LastWriteTimeUtc, 0);
        return Directory.Exists(path) ? new FileLook(FileType.Folder, 0, file.LastWriteTimeUtc, 0) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int folder, string path, int flags, uint wanted, [Out] byte[] fields);
}
