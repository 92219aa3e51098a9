using System.IO.Enumeration;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>Something that lies in the drop folder.</summary>
/// <param name="Path">Its full path, as far as the framework can say it.</param>
/// <param name="IsUnreadable">Whether it is a folder that cannot be listed.</param>
internal readonly record struct ListedPath(string Path, bool IsUnreadable = false);

/// <summary>Lists what was dropped, streamed, because there may be hundreds of thousands of files.</summary>
internal static class DropFolderListing
{
    /// <summary>Where files go that were taken in.</summary>
    public const string Accepted = "accepted";

    /// <summary>Where files go that were not.</summary>
    public const string Refused = "refused";

    // What the framework reads where the bytes of a name are no UTF-8; its path then leads nowhere.
    private const char Replacement = '\uFFFD';

    private static readonly string[] TemporaryEndings = [".tmp", ".part", ".partial", ".crdownload", ".filepart", "~"];

    /// <summary>
    /// Everything below the folder that is no folder itself, without <c>accepted/</c>, <c>refused/</c>, what has a temporary name or a leading dot,
    /// and what file managers leave behind. Links are listed and not followed; folders are listed that cannot be read, or perhaps not be named.
    /// </summary>
    /// <exception cref="IOException">The folder itself cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder itself cannot be listed.</exception>
    public static IEnumerable<ListedPath> Read(string root)
    {
        var folders = new Queue<string>([root]);
        while (folders.TryDequeue(out var folder))
        {
            using var entries = new FolderEntries(folder, isRoot: folder == root);
            while (entries.MoveNext())
            {
                var (path, isFolder) = entries.Current;
                if (isFolder)
                    folders.Enqueue(path);
                if (!isFolder || IsDoubtful(path))
                    yield return new ListedPath(path);
            }

            if (entries.IsUnreadable)
                yield return new ListedPath(folder, IsUnreadable: true);
        }
    }

    /// <summary>Whether a path below the root lies where files go when they are done with.</summary>
    public static bool IsDone(string relative) =>
        relative.StartsWith(Accepted + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        || relative.StartsWith(Refused + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Whether a name may hold bytes that are no UTF-8, so that nothing is found at its path.</summary>
    public static bool IsDoubtful(string path) => Path.GetFileName(path.AsSpan()).Contains(Replacement);

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

    /// <summary>What lies in one folder. One that cannot be listed ends early and says so; one that has gone is empty.</summary>
    private sealed class FolderEntries(string folder, bool isRoot) : FileSystemEnumerator<(string Path, bool IsFolder)>(folder, Everything)
    {
        private const int NotFound = 2;
        private const int PathNotFound = 3;
        private const int NotAFolder = 20;

        private static readonly EnumerationOptions Everything = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

        public bool IsUnreadable { get; private set; }

        protected override (string Path, bool IsFolder) TransformEntry(ref FileSystemEntry entry) =>
            (entry.ToFullPath(), entry.IsDirectory && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint));

        protected override bool ShouldIncludeEntry(ref FileSystemEntry entry) =>
            !IsPassedOver(entry.FileName) && !(isRoot && entry.FileName is (Accepted or Refused) && TransformEntry(ref entry).IsFolder);

        protected override bool ContinueOnError(int error)
        {
            IsUnreadable = error is not (NotFound or PathNotFound or NotAFolder);
            return !isRoot;
        }
    }
}
