using System.Text.Json;
using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Models;
using Melanoma.ServiceDefaults;
using Melanoma.Storage.Datasets;
using Melanoma.Storage.Runs;
using Melanoma.Training.Artefacts;
using Melanoma.Training.CrossValidations;
using Melanoma.Training.LabelErrors;
using Melanoma.Training.LesionViews;
using Melanoma.Training.Loop;
using Melanoma.Training.Reports;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Training.Runs;

/// <summary>
/// Everything that is written about a run. A lease is measured by the database's clock, and each write matches the fence in the
/// statement or the transaction that writes.
/// </summary>
internal sealed class RunLedger(NpgsqlDataSource dataSource, IOptions<TrainingOptions> options)
{
    private const string BeforePictures = "before_pictures";

    private const string Owned = "run_id = @run AND fence = @fence AND state = 'training' AND lease_until > clock_timestamp()";

    private const string Free = "lease_owner = NULL, lease_until = NULL";

    private const string Completed = $"state = 'completed', ended_at = clock_timestamp(), {Free}, error = NULL, epoch_fraction = 1";

    /// <summary>A pause is no attempt that failed, however often there is one.</summary>
    private const string GivenBack = Free + ", attempts = attempts - (SELECT count(*)::int FROM runs WHERE id = @run AND pause_requested_at IS NOT NULL)";

    /// <summary>
    /// Takes the oldest run that waits for a worker or whose worker went away; null when there is none. Runs that were called off when no worker had them are
    /// ended on the way.
    /// </summary>
    public async Task<RunClaim?> ClaimAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            WITH called_off AS (
                UPDATE run_executions e SET state = 'cancelled', ended_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL, error = NULL
                FROM runs r
                WHERE r.id = e.run_id AND r.cancel_requested_at IS NOT NULL AND e.state = 'training' AND (e.lease_until IS NULL OR e.lease_until < clock_timestamp())
            ), next AS (
                SELECT r.id FROM runs r
                JOIN augmentations a ON a.dataset_id = r.dataset_id AND a.policy = r.augmentation_policy
                    AND a.samples_per_class = r.samples_per_class AND a.seed = r.seed AND a.completed_at IS NOT NULL
                    AND (a.failed_at IS NULL OR a.failed_at < r.requested_at)
                LEFT JOIN run_executions e ON e.run_id = r.id
                WHERE r.cancel_requested_at IS NULL AND r.pause_requested_at IS NULL
                    AND (e.run_id IS NULL OR (e.state = 'training' AND (e.lease_until IS NULL OR e.lease_until < clock_timestamp())))
                ORDER BY r.requested_at LIMIT 1
            ), claimed AS (
                INSERT INTO run_executions AS e (run_id, state, lease_owner, lease_until, fence, attempts, started_at, epoch_fraction, images_per_second)
                SELECT id, 'training', @owner, clock_timestamp() + @lease, 1, 1, clock_timestamp(), 0, 0 FROM next
                ON CONFLICT (run_id) DO UPDATE
                    SET lease_owner = @owner, lease_until = clock_timestamp() + @lease, fence = e.fence + 1, attempts = e.attempts + 1
                    WHERE e.state = 'training' AND (e.lease_until IS NULL OR e.lease_until < clock_timestamp())
                RETURNING e.run_id, e.fence, e.attempts, e.error
            )
            SELECT c.run_id, c.fence, c.attempts, (SELECT count(*)::int FROM run_epochs p WHERE p.run_id = c.run_id), c.error,
                   r.recipe, r.recipe_version, r.dataset_id, r.dataset_kind, a.id, r.epochs, r.seed, r.start_version, r.views, r.fold
            FROM claimed c
            JOIN runs r ON r.id = c.run_id
            JOIN augmentations a ON a.dataset_id = r.dataset_id AND a.policy = r.augmentation_policy
                AND a.samples_per_class = r.samples_per_class AND a.seed = r.seed
            """);
        command.Parameters.AddWithValue("owner", Replica.Name);
        command.Parameters.AddWithValue("lease", Lease);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new RunClaim(
                reader.GetGuid(0), reader.GetInt64(1), reader.GetInt32(2), reader.GetInt32(3), await reader.IsDBNullAsync(4, cancellationToken) ? null : reader.GetString(4),
                reader.GetString(5), reader.GetInt32(6), reader.GetInt32(7), Enum.Parse<DatasetKind>(reader.GetString(8), ignoreCase: true),
                reader.GetGuid(9), reader.GetInt32(10), reader.GetInt32(11), await reader.IsDBNullAsync(12, cancellationToken) ? null : reader.GetInt32(12), reader.GetInt32(13),
                await reader.IsDBNullAsync(14, cancellationToken) ? null : reader.GetInt32(14))
            : null;
    }

    /// <summary>Renews the lease and shows how far the running epoch is.</summary>
    public async Task<LeaseState> RenewAsync(RunClaim claim, EpochProgress progress, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            UPDATE run_executions SET lease_until = clock_timestamp() + @lease, epoch_fraction = @fraction, images_per_second = @speed
            WHERE {Owned}
            RETURNING (SELECT CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancel' WHEN pause_requested_at IS NOT NULL THEN 'pause' ELSE '' END FROM runs WHERE id = @run)
            """);
        Identify(command, claim);
        command.Parameters.AddWithValue("lease", Lease);
        command.Parameters.AddWithValue("fraction", progress.Fraction);
        command.Parameters.AddWithValue("speed", progress.ImagesPerSecond);
        return await command.ExecuteScalarAsync(cancellationToken) switch
        {
            "cancel" => LeaseState.CancelRequested,
            "pause" => LeaseState.PauseRequested,
            "" => LeaseState.Held,
            _ => LeaseState.Lost,
        };
    }

    /// <summary>The saved states of a run, the newest first.</summary>
    public async Task<IReadOnlyList<byte[]>> CheckpointsAsync(RunClaim claim, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT state FROM checkpoints WHERE run_id = @run ORDER BY epoch DESC");
        command.CommandTimeout = ModelRows.LongTimeout;
        command.Parameters.AddWithValue("run", claim.RunId);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var states = new List<byte[]>();
        while (await reader.ReadAsync(cancellationToken))
        {
            states.Add(await reader.GetFieldValueAsync<byte[]>(0, cancellationToken));
        }

        return states;
    }

    /// <summary>Stores an epoch's figures and the state after it; the last two states are kept.</summary>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public Task StoreEpochAsync(RunClaim claim, EpochFigures figures, byte[] state, CancellationToken cancellationToken) =>
        WriteAsync(
            claim,
            async (connection, transaction) =>
            {
                await using var command = new NpgsqlCommand(
                    """
                    INSERT INTO run_epochs (run_id, epoch, training_loss, training_accuracy, validation_loss, validation_accuracy,
                        validation_balanced_accuracy, learning_rate, seconds, images_per_second, worker)
                    VALUES (@run, @epoch, @tloss, @tacc, @vloss, @vacc, @vbal, @rate, @seconds, @speed, @worker)
                    ON CONFLICT (run_id, epoch) DO UPDATE SET training_loss = excluded.training_loss, training_accuracy = excluded.training_accuracy,
                        validation_loss = excluded.validation_loss, validation_accuracy = excluded.validation_accuracy,
                        validation_balanced_accuracy = excluded.validation_balanced_accuracy, learning_rate = excluded.learning_rate,
                        seconds = excluded.seconds, images_per_second = excluded.images_per_second, worker = excluded.worker
                    """,
                    connection,
                    transaction);
                command.Parameters.AddWithValue("run", claim.RunId);
                command.Parameters.AddWithValue("epoch", figures.Epoch);
                command.Parameters.AddWithValue("tloss", figures.TrainingLoss);
                command.Parameters.AddWithValue("tacc", figures.TrainingAccuracy);
                command.Parameters.AddWithValue("vloss", figures.ValidationLoss);
                command.Parameters.AddWithValue("vacc", figures.ValidationAccuracy);
                command.Parameters.AddWithValue("vbal", figures.ValidationBalancedAccuracy);
                command.Parameters.AddWithValue("rate", figures.LearningRate);
                command.Parameters.AddWithValue("seconds", figures.Seconds);
                command.Parameters.AddWithValue("speed", figures.ImagesPerSecond);
                command.Parameters.AddWithValue("worker", Replica.Name);
                await command.ExecuteNonQueryAsync(cancellationToken);
                await StoreStateAsync(connection, transaction, claim, figures.Epoch, state, cancellationToken);
            },
            // The heartbeat has waited for the row as long as the state took to send.
            "epoch_fraction = 0, lease_until = clock_timestamp() + @lease",
            cancellationToken);

    /// <summary>Gives the run back with its state, for another worker to go on at once.</summary>
    /// <param name="epochsBehind">Whole epochs behind the state.</param>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public Task HandBackAsync(RunClaim claim, int epochsBehind, byte[] state, CancellationToken cancellationToken) =>
        WriteAsync(
            claim,
            (connection, transaction) => StoreStateAsync(connection, transaction, claim, epochsBehind, state, cancellationToken),
            GivenBack,
            cancellationToken);

    /// <summary>Gives the run back as it was, for another worker to go on at once.</summary>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public Task HandBackAsync(RunClaim claim, CancellationToken cancellationToken) => EndAsync(claim, GivenBack, null, cancellationToken);

    /// <summary>Gives the run back after an error that another attempt may not meet.</summary>
    public Task ReleaseAsync(RunClaim claim, string? error, CancellationToken cancellationToken) =>
        EndAsync(claim, $"{Free}, error = @error", error, cancellationToken);

    /// <summary>Ends the run without a model.</summary>
    public Task FailAsync(RunClaim claim, string error, CancellationToken cancellationToken) =>
        EndAsync(claim, $"state = 'failed', ended_at = clock_timestamp(), {Free}, error = @error", error, cancellationToken);

    /// <summary>Ends the run because somebody asked for it.</summary>
    public Task CancelAsync(RunClaim claim, CancellationToken cancellationToken) =>
        EndAsync(claim, $"state = 'cancelled', ended_at = clock_timestamp(), {Free}, error = @error", null, cancellationToken);

    /// <summary>The figures of the finished epochs in their order, whoever trained them.</summary>
    public async Task<IReadOnlyList<EpochReport>> EpochsAsync(RunClaim claim, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT epoch, training_loss, training_accuracy, validation_loss, validation_accuracy, validation_balanced_accuracy
            FROM run_epochs WHERE run_id = @run ORDER BY epoch
            """);
        command.Parameters.AddWithValue("run", claim.RunId);
        var epochs = new List<EpochReport>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            epochs.Add(new EpochReport(
                reader.GetInt32(0), reader.GetDouble(1), reader.GetDouble(2), reader.GetDouble(3), reader.GetDouble(4), reader.GetDouble(5)));
        }

        return epochs;
    }

    /// <summary>Under which licences the pictures of a dataset are, the commonest first.</summary>
    public async Task<IReadOnlyList<LicenceCount>> LicencesAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT coalesce(licence, 'unknown'), count(*)::int FROM images WHERE id IN (SELECT image_id FROM dataset_items WHERE dataset_id = @dataset)
            GROUP BY 1 ORDER BY 2 DESC, 1
            """);
        command.CommandTimeout = ModelRows.LongTimeout;
        command.Parameters.AddWithValue("dataset", datasetId);
        var licences = new List<LicenceCount>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            licences.Add(new LicenceCount(reader.GetString(0), reader.GetInt32(1)));
        }

        return licences;
    }

    /// <summary>What must be known of a dataset by everybody who reads figures on it.</summary>
    public async Task<IReadOnlyList<string>> DatasetWarningsAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT warnings FROM datasets WHERE id = @dataset");
        command.Parameters.AddWithValue("dataset", datasetId);
        return (string[])(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>The newest model of the run's dataset with its report; null when there is none, or its report is of another time.</summary>
    public async Task<(int Version, ModelReport Report)?> PreviousReportAsync(RunClaim claim, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT version, report FROM model_versions WHERE dataset_id = @dataset ORDER BY version DESC LIMIT 1");
        command.Parameters.AddWithValue("dataset", claim.DatasetId);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        try
        {
            return (reader.GetInt32(0), ModelReport.FromJson(reader.GetString(1)));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Notes that this attempt is about to look at the test split, whether or not a model comes of it.</summary>
    /// <returns>How many looks there were at any of its lesions, in whichever dataset and by whomever, this one counted.</returns>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public async Task<int> RecordTestLookAsync(RunClaim claim, CancellationToken cancellationToken)
    {
        await using (var insert = dataSource.CreateCommand(
            $"""
            INSERT INTO test_looks (run_id, fence, dataset_id, looked_at)
            SELECT run_id, fence, @dataset, clock_timestamp() FROM run_executions WHERE {Owned}
            """))
        {
            Identify(insert, claim);
            insert.Parameters.AddWithValue("dataset", claim.DatasetId);
            if (await insert.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                throw new LeaseLostException(claim.RunId);
            }
        }

        return await TestLookCount.ReadAsync(dataSource, claim.DatasetId, cancellationToken);
    }

    /// <summary>Registers the model as a candidate with what the run found in its dataset, tells of both, and ends the run, all or nothing.</summary>
    /// <returns>The number of the version.</returns>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public async Task<int> RegisterAsync(
        RunClaim claim, ModelReport report, IReadOnlyList<SamplePicture> pictures, int inputSize, VersionFiles files, RunFindings findings, CancellationToken cancellationToken)
    {
        var version = 0;
        await WriteAsync(
            claim,
            async (connection, transaction) =>
            {
                version = await ModelRows.InsertVersionAsync(
                    connection, transaction, new ModelOrigin(claim.RunId, claim.DatasetId, claim.DatasetKind), report, inputSize, files, cancellationToken);
                await using var images = new NpgsqlCommand(
                    """
                    INSERT INTO model_training_images (version, sha256)
                    SELECT @version, i.sha256 FROM dataset_items d JOIN images i ON i.id = d.image_id WHERE d.dataset_id = @dataset AND d.split <> 'test'
                    UNION SELECT @version, sha256 FROM model_training_images WHERE version = @start
                    """,
                    connection,
                    transaction);
                images.CommandTimeout = ModelRows.LongTimeout;
                images.Parameters.AddWithValue("version", version);
                images.Parameters.AddWithValue("dataset", claim.DatasetId);
                images.Parameters.AddWithValue("start", NpgsqlDbType.Integer, (object?)claim.StartVersion ?? DBNull.Value);
                await images.ExecuteNonQueryAsync(cancellationToken);
                await StorePicturesAsync(connection, transaction, claim, version, pictures, cancellationToken);
                await ModelRows.AnnounceAsync(connection, transaction, new ModelTrained(version), cancellationToken);
                if (findings.LabelErrors.Count > 0)
                {
                    await StoreErrorsAsync(connection, transaction, claim, findings.LabelErrors, cancellationToken);
                    await ModelRows.AnnounceAsync(connection, transaction, new LabelErrorsFound(claim.RunId), cancellationToken);
                }

                if (findings.LesionViews.Count > 0)
                {
                    await StoreViewsAsync(connection, transaction, claim, findings.LesionViews, cancellationToken);
                    await ModelRows.AnnounceAsync(connection, transaction, new LesionViewsFound(claim.RunId), cancellationToken);
                }
            },
            Completed,
            cancellationToken);
        return version;
    }

    /// <summary>Stores what the run says of the fold that it held out, and ends it.</summary>
    /// <exception cref="LeaseLostException">The lease is lost; nothing was written.</exception>
    public Task CompleteFoldAsync(RunClaim claim, FoldAnswers answers, CancellationToken cancellationToken) =>
        WriteAsync(claim, (connection, transaction) => FoldLedger.StoreAsync(connection, transaction, claim.RunId, answers, cancellationToken), Completed, cancellationToken);

    internal static string Text(DatasetKind kind) => kind.ToString().ToLowerInvariant();

    private TimeSpan Lease => TimeSpan.FromSeconds(options.Value.LeaseSeconds);

    private static void Identify(NpgsqlCommand command, RunClaim claim)
    {
        command.Parameters.AddWithValue("run", claim.RunId);
        command.Parameters.AddWithValue("fence", claim.Fence);
    }

    private static async Task StoreStateAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, RunClaim claim, int epoch, byte[] state, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO checkpoints (run_id, epoch, saved_at, state) VALUES (@run, @epoch, clock_timestamp(), @state)
            ON CONFLICT (run_id, epoch) DO UPDATE SET saved_at = excluded.saved_at, state = excluded.state;
            DELETE FROM checkpoints WHERE run_id = @run AND epoch < @epoch - 1;
            """,
            connection,
            transaction);
        command.CommandTimeout = ModelRows.LongTimeout;
        command.Parameters.AddWithValue("run", claim.RunId);
        command.Parameters.AddWithValue("epoch", epoch);
        command.Parameters.AddWithValue("state", state);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Those whose images were not forgotten meanwhile.</summary>
    private static async Task StorePicturesAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, RunClaim claim, int version, IReadOnlyList<SamplePicture> pictures, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO model_report_pictures (version, ordinal, image_id, label, is_augmented, jpeg)
            SELECT @version, picture.ordinal - 1, image_id, picture.label, picture.augmented, picture.jpeg
            FROM unnest(@originals, @labels, @augmented, @jpegs) WITH ORDINALITY AS picture (original, label, augmented, jpeg, ordinal)
            JOIN dataset_items AS item ON item.dataset_id = @dataset AND item.ordinal = picture.original
            JOIN image_contents USING (image_id)
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue("version", version);
        command.Parameters.AddWithValue("dataset", claim.DatasetId);
        command.Parameters.AddWithValue("originals", pictures.Select(picture => picture.Original).ToArray());
        command.Parameters.AddWithValue("labels", pictures.Select(picture => picture.Label.Bits).ToArray());
        command.Parameters.AddWithValue("augmented", pictures.Select(picture => picture.IsAugmented).ToArray());
        command.Parameters.AddWithValue("jpegs", pictures.Select(picture => picture.Jpeg).ToArray());
        await transaction.SaveAsync(BeforePictures, cancellationToken);
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            // An image was being forgotten at this very moment; now it is, and the statement passes it over.
            await transaction.RollbackAsync(BeforePictures, cancellationToken);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static async Task StoreErrorsAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, RunClaim claim, IReadOnlyList<LikelyLabelError> errors, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO likely_label_errors (run_id, image_id, claim, score, suggested, reason)
            SELECT @run, * FROM unnest(@images, @claims, @scores, @suggested, @reasons)
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue("run", claim.RunId);
        command.Parameters.AddWithValue("images", errors.Select(error => Guid.Parse(error.Image)).ToArray());
        command.Parameters.AddWithValue("claims", errors.Select(error => error.Claim.Bits).ToArray());
        command.Parameters.AddWithValue("scores", errors.Select(error => (float)error.Score).ToArray());
        command.Parameters.AddWithValue("suggested", errors.Select(error => DiagnosisSet.Of(error.Suggested).Bits).ToArray());
        command.Parameters.AddWithValue("reasons", errors.Select(error => error.Evidence).ToArray());
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task StoreViewsAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, RunClaim claim, IReadOnlyList<LesionViewPair> pairs, CancellationToken cancellationToken)
    {
        // The database's order of ids, which is not .NET's.
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO likely_lesion_views (run_id, image_id, other_image_id, agreeing_places)
            SELECT @run, least(first, second), greatest(first, second), places FROM unnest(@firsts, @seconds, @places) AS pair (first, second, places)
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue("run", claim.RunId);
        command.Parameters.AddWithValue("firsts", pairs.Select(pair => Guid.Parse(pair.First)).ToArray());
        command.Parameters.AddWithValue("seconds", pairs.Select(pair => Guid.Parse(pair.Second)).ToArray());
        command.Parameters.AddWithValue("places", pairs.Select(pair => pair.AgreeingPlaces).ToArray());
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Writes under the lease: the row is locked with its fence checked, so that nobody takes the run over before the commit.</summary>
    private async Task WriteAsync(
        RunClaim claim, Func<NpgsqlConnection, NpgsqlTransaction, Task> write, string andSet, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var check = new NpgsqlCommand($"SELECT 1 FROM run_executions WHERE {Owned} FOR UPDATE", connection, transaction))
        {
            Identify(check, claim);
            if (await check.ExecuteScalarAsync(cancellationToken) is null)
            {
                throw new LeaseLostException(claim.RunId);
            }
        }

        await write(connection, transaction);
        await using (var update = new NpgsqlCommand($"UPDATE run_executions SET {andSet} WHERE run_id = @run AND fence = @fence", connection, transaction))
        {
            Identify(update, claim);
            update.Parameters.AddWithValue("lease", Lease);
            await update.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private async Task EndAsync(RunClaim claim, string set, string? error, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"UPDATE run_executions SET {set} WHERE {Owned}");
        Identify(command, claim);
        command.Parameters.AddWithValue("error", NpgsqlDbType.Text, (object?)error ?? DBNull.Value);
        if (await command.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            throw new LeaseLostException(claim.RunId);
        }
    }
}
