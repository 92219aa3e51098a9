using System.Collections.Immutable;
using System.Data;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Inference.Models;
using Melanoma.Storage.Runs;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Melanoma.Inference.Registry;

/// <summary>
/// Compares two model versions by asking both about the same test images, of lesions that neither was trained or chosen on. One comparison at a time,
/// one image at a time, so that callers of the classifier lose at most one core to it; each is noted as a look at the test split before it is taken.
/// </summary>
internal sealed partial class TestComparer(
    NpgsqlDataSource dataSource, ModelHost models, IOptions<PromotionOptions> options, TimeProvider time, ILogger<TestComparer> logger) : IDisposable
{
    // The same images and answers give the same intervals.
    private const int Seed = 1979;

    // The Gateway gives up a call that is silent for long.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestQuery = TimeSpan.FromMinutes(10);

    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Compares, or says that too few images are left, which costs no look.</summary>
    /// <param name="version">The version that is judged.</param>
    /// <param name="otherVersion">The version that it is compared with, another one.</param>
    /// <param name="datasetId">An honest dataset; null for the newest one in which enough test images are left, else the one in which most are.</param>
    /// <param name="actor">Who wants to know.</param>
    /// <param name="progress">Told how many of how many images both have answered, and every 15 seconds while it waits for its turn, looks for the images (0 of 0) or draws lesions.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <exception cref="RpcException">
    /// NOT_FOUND: there is no such version or dataset. FAILED_PRECONDITION: a version cannot be served, the dataset is not honest, or there is none.
    /// UNAVAILABLE: not at this moment. DEADLINE_EXCEEDED: it took longer than is allowed.
    /// </exception>
    public async Task<TestComparison> CompareAsync(
        int version, int otherVersion, int? datasetId, string actor, Func<int, int, Task> progress, CancellationToken cancellationToken)
    {
        while (!await _turn.WaitAsync(LongestSilence, cancellationToken))
        {
            await progress(0, 0);
        }

        try
        {
            return await CompareInTimeAsync(version, otherVersion, datasetId, actor, progress, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task<TestComparison> CompareInTimeAsync(
        int version, int otherVersion, int? datasetId, string actor, Func<int, int, Task> progress, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(options.Value.LongestComparisonMinutes), time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            using var activity = InferenceMetrics.Activities.StartActivity("compare models");
            using var first = await models.LeaseAsync(version, both.Token);
            using var second = await models.LeaseAsync(otherVersion, both.Token);
            var plan = await TellAsync(() => progress(0, 0), PlanAsync(version, otherVersion, datasetId, both.Token));
            return plan.Comparison.Images < plan.Comparison.LeastImages
                ? plan.Comparison
                : await AskAsync(plan, first.Model, second.Model, actor, progress, both.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refusal.Of(
                StatusCode.DeadlineExceeded, $"The comparison was given up after {options.Value.LongestComparisonMinutes} minutes (Promotion:LongestComparisonMinutes).");
        }
    }

    // A caller who went away makes the work end by its own token; it is waited for all the same, because it holds the models.
    private async Task<T> TellAsync<T>(Func<Task> tell, Task<T> work)
    {
        while (true)
        {
            try
            {
                return await work.WaitAsync(LongestSilence, time);
            }
            catch (TimeoutException) when (!work.IsFaulted)
            {
                try
                {
                    await tell();
                }
                catch (Exception)
                {
                    await ((Task)work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    throw;
                }
            }
        }
    }

    private async Task<Plan> PlanAsync(int version, int otherVersion, int? datasetId, CancellationToken cancellationToken)
    {
        Plan? most = null;
        foreach (var candidate in await DatasetsAsync(datasetId, cancellationToken))
        {
            var plan = await PlanAsync(version, otherVersion, candidate, cancellationToken);
            if (plan.Comparison.Images >= plan.Comparison.LeastImages)
            {
                return plan;
            }

            most = most is null || plan.Comparison.Images > most.Comparison.Images ? plan : most;
        }

        return most ?? throw Refusal.Of(StatusCode.FailedPrecondition, "There is no honest dataset to compare on; make one with `datasets create`.");
    }

    private async Task<IReadOnlyList<int>> DatasetsAsync(int? named, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT id, kind FROM datasets WHERE ($1 IS NULL AND kind = 'honest') OR id = $1 ORDER BY id DESC");
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Integer, Value = (object?)named ?? DBNull.Value });
        var datasets = new List<int>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            datasets.Add(reader.GetString(1) == "honest"
                ? reader.GetInt32(0)
                : throw Refusal.Of(StatusCode.FailedPrecondition, $"Dataset {named} is a reproduction, on which no honest comparison can be made; name an honest one."));
        }

        return named is null || datasets.Count > 0 ? datasets : throw Refusal.Of(StatusCode.NotFound, $"There is no dataset {named}; ListDatasets names those there are.");
    }

    // By the groups as they are now: two lesions that later turned out to be one may lie in training and in test.
    private async Task<Plan> PlanAsync(int version, int otherVersion, int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("""
            WITH seen AS (
                SELECT i.group_id, bool_or(t.version = $2) AS by_version, bool_or(t.version = $3) AS by_other
                FROM model_training_images t JOIN images i ON i.sha256 = t.sha256 WHERE t.version IN ($2, $3) GROUP BY i.group_id)
            SELECT d.image_id, i.group_id, d.label, i.forgotten_at IS NOT NULL, coalesce(s.by_version, false), coalesce(s.by_other, false)
            FROM dataset_items d JOIN images i ON i.id = d.image_id LEFT JOIN seen s ON s.group_id = i.group_id
            WHERE d.dataset_id = $1 AND d.split = 'test' ORDER BY d.ordinal
            """);
        command.CommandTimeout = (int)LongestQuery.TotalSeconds;
        command.Parameters.Add(new() { Value = datasetId });
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = otherVersion });
        var images = new List<PlannedImage>();
        var groups = new Dictionary<Guid, int>();
        int seenByVersion = 0, seenByOther = 0, seenByBoth = 0, forgotten = 0, coarse = 0, fine = 0;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var (label, byVersion, byOther) = (new DiagnosisSet(reader.GetInt16(2)), reader.GetBoolean(4), reader.GetBoolean(5));
            seenByVersion += byVersion ? 1 : 0;
            seenByOther += byOther ? 1 : 0;
            seenByBoth += byVersion && byOther ? 1 : 0;
            if (byVersion || byOther)
            {
                continue;
            }

            if (reader.GetBoolean(3))
            {
                forgotten++;
                continue;
            }

            fine += label.Count == 1 ? 1 : 0;
            coarse += label.Count == 1 ? 0 : 1;
            if (label.Count == 1 || ClassVocabulary.Ham10000.ClassOf(label) is not null)
            {
                var group = reader.GetGuid(1);
                if (!groups.TryGetValue(group, out var number))
                {
                    groups.Add(group, number = groups.Count);
                }

                images.Add(new PlannedImage(reader.GetGuid(0), number, label));
            }
        }

        return new Plan(images, new TestComparison
        {
            Version = version,
            OtherVersion = otherVersion,
            DatasetId = datasetId,
            Images = fine,
            LeastImages = options.Value.MinimumTestImages,
            LeftOut = new LeftOutImages(seenByVersion, seenByOther, seenByBoth, forgotten, coarse, Unreadable: 0),
        });
    }

    private async Task<TestComparison> AskAsync(
        Plan plan, LoadedModel first, LoadedModel second, string actor, Func<int, int, Task> progress, CancellationToken cancellationToken)
    {
        await NoteLookAsync(plan.Comparison, actor, cancellationToken);
        var (images, left) = (new AskedImages(), plan.Comparison.LeftOut);
        var (answers, otherAnswers) = (new AnswerSheet(images, first.Properties), new AnswerSheet(images, second.Properties));
        var told = time.GetTimestamp();
        for (var done = 0; done < plan.Images.Count; done++)
        {
            if (done == 0 || time.GetElapsedTime(told) > TimeSpan.FromSeconds(1))
            {
                await progress(done, plan.Images.Count);
                told = time.GetTimestamp();
            }

            // Image by image, so that neither pictures nor a long statement stay; what is forgotten meanwhile is not found.
            var planned = plan.Images[done];
            if (await ReadAsync(planned.Id, cancellationToken) is not { } bytes)
            {
                left = left with { Forgotten = left.Forgotten + 1 };
            }
            else if (Ask(first, second, bytes, answers, otherAnswers, cancellationToken))
            {
                images.Add(planned.Group, planned.Label);
            }
            else
            {
                left = left with { Unreadable = left.Unreadable + 1 };
            }
        }

        await progress(plan.Images.Count, plan.Images.Count);
        var comparison = plan.Comparison with
        {
            Images = images.Fine,
            Ham10000Images = images.Ham10000,
            Lesions = images.Lesions,
            Melanomas = images.Melanomas,
            LeftOut = left,
            TestLooks = await TestLookCount.ReadAsync(dataSource, plan.Comparison.DatasetId, cancellationToken),
        };
        LogCompared(first.Version, second.Version, comparison.Images);
        if (comparison.Images < comparison.LeastImages)
        {
            return comparison;
        }

        var figures = Task.Run(() => Figures(images, answers, otherAnswers, cancellationToken).ToImmutableArray(), cancellationToken);
        return comparison with { Sensitivity = answers.Sensitivity(), Figures = await TellAsync(() => progress(plan.Images.Count, plan.Images.Count), figures) };
    }

    private static bool Ask(LoadedModel first, LoadedModel second, byte[] image, AnswerSheet answers, AnswerSheet otherAnswers, CancellationToken cancellationToken)
    {
        if (first.Classify(image, AnswerExtra.None, cancellationToken, out _) is not { } answer
            || second.Classify(image, AnswerExtra.None, cancellationToken, out _) is not { } otherAnswer)
        {
            return false;
        }

        answers.Add(answer.Probabilities);
        otherAnswers.Add(otherAnswer.Probabilities);
        return true;
    }

    private static IEnumerable<ComparedFigure> Figures(AskedImages images, AnswerSheet answers, AnswerSheet otherAnswers, CancellationToken cancellationToken)
    {
        var once = Enumerable.Repeat(1, images.Count).ToArray();
        var (figures, otherFigures) = (answers.Figures(once), otherAnswers.Figures(once));
#pragma warning disable CA5394 // Draws lesions for intervals; nothing is kept secret by it.
        var random = new Random(Seed);
        var intervals = LesionBootstrap.Intervals(images.Groups, random.Next, weights =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return [.. answers.Figures(weights).Zip(otherAnswers.Figures(weights), (mine, theirs) => mine - theirs)];
        });
#pragma warning restore CA5394
        for (var at = 0; at < figures.Length; at++)
        {
            if (figures[at] is { } mine && otherFigures[at] is { } theirs && intervals[at] is { } interval)
            {
                yield return new ComparedFigure(ComparedFigure.Names[at], mine, theirs, interval);
            }
        }
    }

    private async Task<byte[]?> ReadAsync(Guid imageId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT bytes FROM image_contents WHERE image_id = $1");
        command.Parameters.Add(new() { Value = imageId });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? await reader.GetFieldValueAsync<byte[]>(0, cancellationToken) : null;
    }

    private async Task NoteLookAsync(TestComparison comparison, string actor, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "INSERT INTO comparison_looks (version, other_version, dataset_id, actor, looked_at) VALUES ($1, $2, $3, $4, clock_timestamp())");
        command.Parameters.Add(new() { Value = comparison.Version });
        command.Parameters.Add(new() { Value = comparison.OtherVersion });
        command.Parameters.Add(new() { Value = comparison.DatasetId });
        command.Parameters.Add(new() { Value = actor });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "Model version {Version} was compared with {Other} on {Images} test images")]
    private partial void LogCompared(int version, int other, int images);

    private readonly record struct PlannedImage(Guid Id, int Group, DiagnosisSet Label);

    /// <param name="Images">Images to ask about.</param>
    /// <param name="Comparison">What is known before anything is asked.</param>
    private sealed record Plan(List<PlannedImage> Images, TestComparison Comparison);
}
