using Grpc.Core;
using Melanoma.Storage;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Ingestion.DropFolder;

/// <summary>
/// Takes in what is put into the drop folder. Events of the file system wake it, and a slow sweep finds what they missed. Whatever is wrong
/// with the folder is said once and tried again; the rest of the service goes on.
/// </summary>
internal sealed partial class DropFolderService(
    DropFolderSweep sweep, NpgsqlDataSource dataSource, IOptions<DropFolderOptions> options, TimeProvider time, ILogger<DropFolderService> logger)
    : BackgroundService
{
    // Events come in swarms; one sweep answers a swarm.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private FolderWatch? _watch;
    private string? _problem;
    private bool _isUnwatched;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Path is null)
            return;
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Value.Path));
        await using var only = new SessionLock(dataSource, AdvisoryLocks.DropFolder(root));
        var soon = Math.Min(options.Value.QuietSeconds, options.Value.SweepSeconds);
        try
        {
            while (true)
            {
                var isUrgent = await TrySweepAsync(root, only, stoppingToken);

                // While somebody is copying, each sweep waits until more can be complete: else every event would make a delivery.
                if (isUrgent || _watch is null)
                    await Task.Delay(TimeSpan.FromSeconds(isUrgent ? soon : options.Value.SweepSeconds), time, stoppingToken);
                else
                    await _watch.WaitAsync(TimeSpan.FromSeconds(options.Value.SweepSeconds), time, stoppingToken);
                await Task.Delay(Pause, time, stoppingToken);
            }
        }
        finally
        {
            _watch?.Dispose();
        }
    }

    private async Task<bool> TrySweepAsync(string root, SessionLock only, CancellationToken cancellationToken)
    {
        try
        {
            if (!Directory.Exists(root))
            {
                _watch?.Dispose();
                _watch = null;
                Say($"{root} does not exist");
                return false;
            }

            if (!await only.HoldAsync(cancellationToken))
            {
                Say($"another replica works {root}");
                return false;
            }

            var free = new DriveInfo(root).AvailableFreeSpace;
            if (free < options.Value.MinFreeDiskBytes)
            {
                Say($"its disk has less than {options.Value.MinFreeDiskBytes >> 20} MiB free");
                return false;
            }

            Watch(root);
            var isUrgent = await sweep.RunAsync(root, only, TimeSpan.FromSeconds(options.Value.QuietSeconds), cancellationToken);
            if (_problem is not null)
                LogGoesOn(root);
            _problem = null;
            return isUrgent;
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or NpgsqlException or RpcException or InvalidOperationException)
        {
            Say(exception is RpcException refused ? refused.Status.Detail : exception.Message);
            return false;
        }
    }

    private void Watch(string root)
    {
        try
        {
            _watch ??= new FolderWatch(root);
        }
        catch (Exception exception) when (exception is IOException or ArgumentException)
        {
            if (!_isUnwatched)
                LogNotWatched(root, exception.Message);
            _isUnwatched = true;
        }
    }

    private void Say(string problem)
    {
        if (problem != _problem)
            LogPaused(problem);
        _problem = problem;
    }

    [LoggerMessage(33, LogLevel.Warning, "The drop folder is not worked at the moment, and tried again: {Problem}")]
    private partial void LogPaused(string problem);

    [LoggerMessage(34, LogLevel.Information, "The drop folder {Folder} is worked again")]
    private partial void LogGoesOn(string folder);

    [LoggerMessage(35, LogLevel.Warning, "Changes in {Folder} cannot be watched, so files are found by sweeps only: {Reason}")]
    private partial void LogNotWatched(string folder, string reason);
}
