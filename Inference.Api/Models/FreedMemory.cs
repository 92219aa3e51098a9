using System.Runtime.InteropServices;

namespace Melanoma.Inference.Models;

/// <summary>
/// Memory of models that are gone. The allocator of glibc keeps what was freed with the thread that had asked for it, and models are loaded by one thread after the other, so that a
/// service would in time hold many times its model.
/// </summary>
internal static partial class FreedMemory
{
    /// <summary>Gives it back to the machine. Other C libraries have no such function.</summary>
    public static void GiveBack()
    {
        try
        {
            _ = Trim(0);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or DllNotFoundException)
        {
            // Their allocators keep what they keep.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Trim(nuint left);
}
