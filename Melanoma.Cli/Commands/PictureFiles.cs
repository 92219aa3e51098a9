using System.IO.Enumeration;

namespace Melanoma.Cli.Commands;

/// <summary>A file to send.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Its name towards the service, with forward slashes.</param>
/// <param name="Size">Bytes when it was listed.</param>
internal sealed record PictureFile(string Path, string Name, long Size);

/// <summary>Lists what a person means by a path.</summary>
internal static class PictureFiles
{
    /// <summary>Every file under a folder in a fixed order, without hidden ones and what file managers leave behind. Linked folders are not followed, for they may lead in circles.</summary>
    public static List<PictureFile> Under(string folder)
    {
        var files = new FileSystemEnumerable<PictureFile>(
            folder,
            (ref entry) => new PictureFile(entry.ToFullPath(), "", entry.Length),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false })
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && !IsLeftover(entry.FileName),
            ShouldRecursePredicate = (ref entry) => !IsLeftover(entry.FileName) && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
        return [.. files
            .Select(file => file with { Name = Path.GetRelativePath(folder, file.Path).Replace(Path.DirectorySeparatorChar, '/') })
            .OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    private static bool IsLeftover(ReadOnlySpan<char> name) =>
        name.StartsWith('.') || name.SequenceEqual("__MACOSX") || name.Equals("Thumbs.db", StringComparison.OrdinalIgnoreCase);
}
