using Melanoma.Contracts.Messages;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Melanoma.Training.Exports;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Training.Runs;

/// <summary>
/// Registers the model that comes with the software where no model is yet, so that a fresh installation answers from its first minute. What it was trained and
/// chosen on is stored with it, so that those pictures never count as its test.
/// </summary>
internal sealed partial class BundledModel(
    NpgsqlDataSource dataSource, IOptions<TrainingOptions> options, TimeProvider time, ILogger<BundledModel> logger) : BackgroundService
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.BundledModel is not { Length: > 0 } folder)
        {
            return;
        }

        while (true)
        {
            try
            {
                if (await RegisterAsync(folder, stoppingToken) is { } version)
                {
                    LogRegistered(version, folder);
                }
                else
                {
                    LogNotNeeded();
                }

                return;
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception) && !IsItsOwnFault(exception))
            {
                LogDatabaseLost(exception.Message);
                await Task.Delay(BetweenTries, time, stoppingToken);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or PostgresException)
            {
                // Without it the platform works as before; it only answers nothing until it has a model of its own.
                LogUnusable(folder, exception.Message);
                return;
            }
        }
    }

    /// <summary>Registers the model of a folder, unless there is any model already.</summary>
    /// <returns>The version's number; null when there was a model.</returns>
    /// <exception cref="InvalidDataException">The folder's files do not belong together.</exception>
    private async Task<int?> RegisterAsync(string folder, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var look = new NpgsqlCommand($"SELECT pg_advisory_xact_lock({AdvisoryLocks.BundledModel}); SELECT EXISTS (SELECT FROM model_versions)", connection, transaction))
        await using (var reader = await look.ExecuteReaderAsync(cancellationToken))
        {
            await reader.NextResultAsync(cancellationToken);
            if (await reader.ReadAsync(cancellationToken) && reader.GetBoolean(0))
            {
                return null;
            }
        }

        var model = await ModelFolder.ReadAsync(folder, cancellationToken);
        if (!options.Value.MayServeEightBits)
        {
            model = model.ServingFullPrecision();
        }

        var version = await ModelRows.InsertVersionAsync(connection, transaction, ModelOrigin.Bundled, model.Report, model.InputSize, model.Files, cancellationToken);
        await using (var copy = await connection.BeginBinaryImportAsync("COPY model_training_images (version, sha256) FROM STDIN (FORMAT binary)", cancellationToken))
        {
            foreach (var (sha256, _) in model.Seen)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(version, cancellationToken);
                await copy.WriteAsync(sha256, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await ModelRows.AnnounceAsync(connection, transaction, new ModelTrained(version), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return version;
    }

    // SQLSTATE classes 22 and 23: values that the database will not take however often it is asked.
    private static bool IsItsOwnFault(Exception exception) => exception is PostgresException { SqlState: ['2', '2' or '3', ..] };

    [LoggerMessage(1, LogLevel.Information, "The bundled model of {Folder} is registered as version {Version}")]
    private partial void LogRegistered(int version, string folder);

    [LoggerMessage(4, LogLevel.Information, "There are models already, so the bundled one is not registered")]
    private partial void LogNotNeeded();

    [LoggerMessage(2, LogLevel.Warning, "The bundled model cannot be registered and is tried again: {Reason}")]
    private partial void LogDatabaseLost(string reason);

    [LoggerMessage(3, LogLevel.Error, "The bundled model of {Folder} is left out: {Reason}")]
    private partial void LogUnusable(string folder, string reason);
}
