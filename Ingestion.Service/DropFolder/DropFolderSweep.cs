using Melanoma.Ingestion.Deliveries;
using Melanoma.Storage;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>
/// Looks through the folder once. The files that are complete become one delivery, and each is moved when its lines are committed; a crash
/// in between means that the next sweep finds it again as a duplicate. Files that are still being copied are counted as waiting in a
/// delivery that has complete ones too (at most a hundred that were found before the first of those); alone they make no delivery.
/// </summary>
internal sealed partial class DropFolderSweep(DeliveryReceiver receiver, TimeProvider time, ILogger<DropFolderSweep> logger)
{
    private const string DeliveryName = "drop folder";
    private const int MaxEarlyWaiting = 100;
    private const int MaxRemembered = 100_000;
    private const int FilesBetweenChecks = 256;

    private static readonly TimeSpan TimeBetweenChecks = TimeSpan.FromSeconds(10);

    // What could not be read or moved is not handed in again and again; it is when it changes, or after a restart.
    private readonly Dictionary<string, FileLook> _stuck = [];
    private readonly HashSet<string> _emptied = [];
    private readonly Lock _lock = new();

    /// <summary>Sweeps the folder.</summary>
    /// <param name="root">The folder's full path.</param>
    /// <param name="only">The lock, which is held; when it is lost on the way, the sweep ends after the file that it is at.</param>
    /// <param name="quiet">How long a complete file was not written.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Whether there is something that the next sweep should not wait long for.</returns>
    public async Task<bool> RunAsync(string root, SessionLock only, TimeSpan quiet, CancellationToken cancellationToken)
    {
        var early = new List<DroppedFile>();
        var isUnfinished = false;
        using var found = Find(root, quiet).GetEnumerator();
        while (found.MoveNext())
        {
            if (found.Current.IsComplete)
            {
                await receiver.ReceiveAsync(DeliveryName, DeliveryName, _ => Task.CompletedTask, TakeAllAsync, cancellationToken);
                break;
            }

            isUnfinished = true;
            if (early.Count < MaxEarlyWaiting)
                early.Add(found.Current.File);
        }

        RemoveEmptied(root, quiet);
        return isUnfinished || _emptied.Count > 0;

        async Task TakeAllAsync(FileIntake intake, CancellationToken token)
        {
            foreach (var file in early)
                await intake.Sink.SettleAsync(file.Name, 0, DroppedFile.Waiting, token);
            var (files, asked) = (0, time.GetTimestamp());
            do
            {
                if (++files % FilesBetweenChecks == 0 || time.GetElapsedTime(asked) > TimeBetweenChecks)
                {
                    asked = time.GetTimestamp();
                    if (!await only.HoldAsync(token))
                    {
                        isUnfinished = true;
                        return;
                    }
                }

                var (file, look, isComplete) = found.Current;
                isUnfinished |= !isComplete;
                if (isComplete)
                    await TakeAsync(file, look, intake, token);
                else
                    await intake.Sink.SettleAsync(file.Name, look.Size, DroppedFile.Waiting, token);
            }
            while (found.MoveNext());
        }
    }

    private IEnumerable<(DroppedFile File, FileLook Look, bool IsComplete)> Find(string root, TimeSpan quiet)
    {
        foreach (var (path, isUnreadable) in DropFolderListing.Read(root))
        {
            FileLook? seen = null;
            var fault = isUnreadable ? DroppedFile.UnreadableFolder : TryLookAt(path, out seen);
            if (fault is not null)
            {
                if (!IsStuck(path, default))
                    yield return (new DroppedFile(root, path, fault), default, true);
                continue;
            }

            if (seen is not { } look || look.Type == FileType.Folder || IsStuck(path, look))
                continue;
            var isComplete = look.Type != FileType.File || (time.GetUtcNow() - look.Written).Duration() >= quiet;
            yield return (new DroppedFile(root, path, look), look, isComplete);
        }
    }

    private async Task TakeAsync(DroppedFile file, FileLook look, FileIntake intake, CancellationToken cancellationToken)
    {
        var receipt = new FileReceipt(done => Settle(file, look, done));
        intake.Sink.Receipt = receipt;
        await file.ReadAsync(intake, cancellationToken);
        intake.Sink.Receipt = null;
        receipt.Complete();
    }

    private void Settle(DroppedFile file, FileLook look, FileReceipt receipt)
    {
        try
        {
            if (file.Fault is { } fault)
            {
                LogStays(file.Name, fault.Reason);
                Remember(file.FullPath, look);
                return;
            }

            if (file.Move(receipt) is null)
                return;
            lock (_lock)
                _emptied.Add(file.Folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotMoved(file.Name, exception.Message);
            Remember(file.FullPath, look);
        }
    }

    // Nothing is seen at a path when somebody took the file away, and when its name is not what it reads as.
    private static Refusal? TryLookAt(string path, out FileLook? look)
    {
        look = null;
        try
        {
            look = FileLook.At(path);
            return look is null && DropFolderListing.IsDoubtful(path) ? DroppedFile.BadName : null;
        }
        catch (IOException)
        {
            return DroppedFile.Unreadable;
        }
    }

    private void Remember(string path, FileLook look)
    {
        lock (_lock)
        {
            if (_stuck.Count >= MaxRemembered)
                _stuck.Clear();
            _stuck[path] = look;
        }
    }

    private bool IsStuck(string path, FileLook look)
    {
        lock (_lock)
            return _stuck.TryGetValue(path, out var known) && known == look;
    }

    // A copier may be about to put the next file into a folder that is empty at this moment, so it must have been so for a while.
    private void RemoveEmptied(string root, TimeSpan quiet)
    {
        foreach (var folder in _emptied.OrderByDescending(folder => folder.Length).ToList())
        {
            if (FileLook.At(folder) is { Type: FileType.Folder } look && folder != root && !Directory.EnumerateFileSystemEntries(folder).Any())
            {
                if (time.GetUtcNow() - look.Written < quiet)
                    continue;
                try
                {
                    Directory.Delete(folder);
                    _emptied.Add(Path.GetDirectoryName(folder)!);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    LogNotRemoved(Path.GetRelativePath(root, folder), exception.Message);
                }
            }

            _emptied.Remove(folder);
        }
    }

    [LoggerMessage(31, LogLevel.Error, "{Name} was taken in and cannot be moved out of the drop folder, so it stays: {Reason}")]
    private partial void LogNotMoved(string name, string reason);

    [LoggerMessage(32, LogLevel.Warning, "The empty folder {Folder} cannot be removed: {Reason}")]
    private partial void LogNotRemoved(string folder, string reason);

    [LoggerMessage(36, LogLevel.Warning, "{Name} in the drop folder is refused and stays where it is: {Reason}")]
    private partial void LogStays(string name, string reason);
}
