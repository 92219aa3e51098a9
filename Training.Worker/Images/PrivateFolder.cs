using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Melanoma.Training.Images;

/// <summary>A folder that only its user can write: what lies in it was put there by this user's workers.</summary>
internal static partial class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const int AtWorkingDirectory = -100;
    private const uint WithUserId = 0x8;
    private const int StatxSize = 256;
    private const int StatxUserId = 20;

    /// <summary>A folder in the user's cache folder by the XDG base directory specification; empty for a user without a home.</summary>
    public static string InUserCache(params ReadOnlySpan<string> names)
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (!Path.IsPathRooted(cache))
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length == 0)
            {
                return "";
            }

            cache = Path.Combine(home, ".cache");
        }

        return Path.Combine([cache, .. names]);
    }

    /// <summary>Why a folder that is there must not be used; null when it may be, or is not there yet.</summary>
    public static string? Refusal(string path)
    {
        // Windows has no modes: a folder below the user's own is private there.
        if (OperatingSystem.IsWindows() || !Directory.Exists(path))
        {
            return null;
        }

        if (OwnerOf(path) != UserId())
        {
            return $"The folder {path} belongs to another user.";
        }

        return (File.GetUnixFileMode(path) & WritableByOthers) != 0 ? $"The folder {path} can be written by other users; make it with mode 0700." : null;
    }

    /// <summary>Makes the folder with mode 0700 unless it is there.</summary>
    /// <exception cref="IOException">It is there and others can write it.</exception>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }

        if (Refusal(path) is { } refusal)
        {
            throw new IOException(refusal);
        }
    }

    private static uint OwnerOf(string path)
    {
        // struct statx is laid out alike on every architecture.
        var status = new byte[StatxSize];
        return Status(AtWorkingDirectory, path, 0, WithUserId, status) == 0
            ? BinaryPrimitives.ReadUInt32LittleEndian(status.AsSpan(StatxUserId))
            : throw new IOException($"The owner of the folder {path} cannot be told: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Status(int directory, string path, int flags, uint mask, [Out] byte[] status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint UserId();
}
