using System.Text;
using Melanoma.Ingestion.Deliveries;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>A file in the drop folder: how it is read, and where it goes when every line of it is committed.</summary>
/// <param name="root">The drop folder.</param>
/// <param name="path">The file.</param>
/// <param name="look">How it looked when it was found.</param>
internal sealed class DroppedFile(string root, string path, FileLook look)
{
    private const int MaxNameBytes = 255;
    private const string ReasonEnding = ".reason.txt";

    /// <summary>Something that nobody can open, nor move, because of its name or its rights.</summary>
    public DroppedFile(string root, string path, Refusal fault)
        : this(root, path, default(FileLook)) => Fault = fault;

    /// <summary>Why it can be neither opened nor moved; null for what can be looked at.</summary>
    public Refusal? Fault { get; }

    /// <summary>The path below the drop folder, with forward slashes: its path in the delivery.</summary>
    public string Name { get; } = Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>The file.</summary>
    public string FullPath => path;

    /// <summary>The folder that it lies in.</summary>
    public string Folder => Path.GetDirectoryName(path)!;

    /// <summary>Hands in what it holds, or why it is not read. A file that has gone meanwhile is passed over.</summary>
    public async Task ReadAsync(FileIntake intake, CancellationToken cancellationToken)
    {
        if (Fault is not null)
        {
            await intake.Sink.RefuseAsync(Name, 0, Fault, cancellationToken);
            return;
        }

        if (look.Type != FileType.File)
        {
            await intake.Sink.RefuseAsync(Name, 0, look.Type == FileType.Link ? Link : Special, cancellationToken);
            return;
        }

        try
        {
            await using var content = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

            // Also when somebody has put a link in its place since.
            if (FileLook.Of(content) != look)
                await intake.Sink.SettleAsync(Name, content.Length, Waiting, cancellationToken);
            else
                await intake.ReadAsync(Name, content, size => size == look.Size && IsUnchanged() ? null : Waiting.Reason, cancellationToken);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Whoever took it away did not want it to be delivered.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await intake.Sink.RefuseAsync(Name, look.Size, Unreadable, cancellationToken);
        }
    }

    /// <summary>The line of a file that is still being copied.</summary>
    public static FileVerdict Waiting { get; } = FileVerdict.Waiting("The file is still being copied. It is taken in when it has not been written for a while.");

    /// <summary>Moves it to where it belongs now; one that is not complete stays.</summary>
    /// <returns>Where it went, or null when it stays.</returns>
    /// <exception cref="IOException">It cannot be moved.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be moved.</exception>
    public string? Move(FileReceipt receipt)
    {
        // Another file of this name may have come since: it is taken in next time.
        if (receipt.Waiting > 0 || receipt.Taken + receipt.Refused == 0 || !IsUnchanged())
            return null;
        var place = receipt.Taken > 0 ? DropFolderListing.Accepted : DropFolderListing.Refused;
        var target = Unused(Path.Combine(root, place, Path.GetRelativePath(root, path)));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);

        // The reason first, so that a crash in between leaves no refused file without one.
        if (receipt.Refused > 0)
            File.WriteAllText(ReasonOf(target), Explain(receipt));

        // A link to a folder counts as a folder for whoever moves it; only the link is moved.
        if (look.Type == FileType.Link && Directory.Exists(path))
            Directory.Move(path, target);
        else
            File.Move(path, target);
        return target;
    }

    private bool IsUnchanged() => FileLook.At(path) == look;

    private static string Unused(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var (stem, extension) = (Path.GetFileNameWithoutExtension(path), Path.GetExtension(path));
        for (var number = 2; FileLook.At(path) is not null; number++)
            path = Path.Combine(folder, $"{stem} ({number}){extension}");
        return path;
    }

    private static string ReasonOf(string target)
    {
        var name = Path.GetFileName(target);
        while (Encoding.UTF8.GetByteCount(name) + ReasonEnding.Length > MaxNameBytes)
            name = name[..^1];
        return Path.Combine(Path.GetDirectoryName(target)!, name + ReasonEnding);
    }

    private static string Explain(FileReceipt receipt)
    {
        var text = new StringBuilder().AppendJoin('\n', receipt.Reasons).Append('\n');
        if (receipt.Refused > receipt.Reasons.Count)
            text.Append("... and more; the delivery's report has them all.\n");
        return text.ToString();
    }

    private static Refusal Link => new(RefusalKinds.Link, "This is a link. Put the file that it points to here.");

    private static Refusal Special => new(RefusalKinds.NotAFile, "This is a pipe, a socket or a device and no file. Put files here only.");

    /// <summary>Of a name with bytes that are no UTF-8.</summary>
    public static Refusal BadName { get; } = new(RefusalKinds.BadPath, "The name is not UTF-8, so nothing can be found under it. Rename it where it lies.");

    /// <summary>Of a folder that cannot be listed, or not to its end.</summary>
    public static Refusal UnreadableFolder { get; } = new(
        RefusalKinds.Unreadable, "The folder cannot be listed by the service, so nothing in it is taken. Give it the right to read it, or check the disk.");

    /// <summary>Of a file that cannot be looked at or read.</summary>
    public static Refusal Unreadable { get; } = new(
        RefusalKinds.Unreadable, "The file cannot be read by the service. Give it the right to read it, or check the disk, and drop it again.");
}
