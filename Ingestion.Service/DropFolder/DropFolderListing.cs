using System.IO.Enumeration;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>Lists what was dropped, streamed, because there may be hundreds of thousands of files.</summary>
internal static class DropFolderListing
{
    /// <summary>Where files go that were taken in.</summary>
    public const string Accepted = "accepted";

    /// <summary>Where files go that were not.</summary>
    public const string Refused = "refused";

    private static readonly string[] TemporaryEndings = [".tmp", ".part", ".partial", ".crdownload", ".filepart", "~"];

    /// <summary>
    /// The full paths of everything below the folder that is no folder itself, without <c>accepted/</c>, <c>refused/</c>, what has a
    /// temporary name or a leading dot, and what file managers leave behind. Links are listed and not followed.
    /// </summary>
    public static IEnumerable<string> Read(string root) => new FileSystemEnumerable<string>(
        root,
        (ref entry) => entry.ToFullPath(),
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true })
    {
        ShouldIncludePredicate = (ref entry) => (!entry.IsDirectory || IsLink(ref entry)) && !IsPassedOver(entry.FileName),
        ShouldRecursePredicate = (ref entry) => !IsLink(ref entry) && !IsPassedOver(entry.FileName) && !IsOurs(ref entry),
    };

    /// <summary>Whether a path below the root lies where files go when they are done with.</summary>
    public static bool IsDone(string relative) =>
        relative.StartsWith(Accepted + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        || relative.StartsWith(Refused + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static bool IsOurs(ref FileSystemEntry entry) =>
        entry.Directory.Length == entry.RootDirectory.Length && (entry.FileName.SequenceEqual(Accepted) || entry.FileName.SequenceEqual(Refused));

    private static bool IsLink(ref FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    private static bool IsPassedOver(ReadOnlySpan<char> name)
    {
        if (name.StartsWith('.') || name is "Thumbs.db" or "desktop.ini" or "__MACOSX")
            return true;
        foreach (var ending in TemporaryEndings)
        {
            if (name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }
}
