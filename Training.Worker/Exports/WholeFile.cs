using System.Text;

namespace Melanoma.Training.Exports;

/// <summary>Files that are under their name whole or not at all.</summary>
internal static class WholeFile
{
    public static async Task WriteAsync(string path, byte[] bytes, CancellationToken cancellationToken)
    {
        await File.WriteAllBytesAsync(path + ".tmp", bytes, cancellationToken);
        File.Move(path + ".tmp", path, overwrite: true);
    }

    public static Task WriteAsync(string path, string text, CancellationToken cancellationToken) => WriteAsync(path, Encoding.UTF8.GetBytes(text), cancellationToken);
}
