using Melanoma.Contracts;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Predictions;
using Melanoma.Storage.Reviews;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.Feedback;

/// <summary>
/// Makes claims and questions of feedback, and writes down what became of it, in one transaction under the catalogue's lock. The claims of clinicians about an image are
/// derived from all that was ever said of it: of each caller the newest counts, whichever answer about the image it was given to.
/// </summary>
internal sealed partial class FeedbackSettlement(NpgsqlDataSource dataSource, IngestionMetrics metrics, TimeProvider time, ILogger<FeedbackSettlement> logger)
{
    private const int NamedAtMost = 5;

    // $1: the feedback. Its images, as far as the catalogue has them.
    private const string Images = """
        SELECT given.id, given.image_sha256, given.verdict = 'agree' AND images.label_state = 'settled' AND images.label = 1 << given.diagnosis,
            images.id, images.group_id, images.forgotten_at IS NOT NULL, images.excluded_at IS NOT NULL
        FROM feedback AS given LEFT JOIN images ON images.sha256 = given.image_sha256 WHERE given.id = ANY($1) ORDER BY given.id
        """;

    private const string Latest = """
        WITH latest AS (
            SELECT DISTINCT ON (images.id, given.tenant, given.caller) images.id AS image_id, given.*
            FROM feedback AS given JOIN images ON images.sha256 = given.image_sha256 WHERE images.id = ANY($1)
            ORDER BY images.id, given.tenant, given.caller, given.time DESC, given.number DESC, given.id DESC)

        """;

    private const string TakeClaimsBack = "DELETE FROM label_claims WHERE image_id = ANY($1) AND rank = $2";

    private const string Claim = Latest + """
        INSERT INTO label_claims (image_id, diagnoses, rank, claimed_by, claimed_at)
        SELECT image_id, 1 << diagnosis, $2, left(caller || ' (' || tenant || ')', 200), time FROM latest WHERE diagnosis IS NOT NULL
        ON CONFLICT DO NOTHING
        """;

    private const string Said = Latest + """
        SELECT image_id, verdict = 'disagree', diagnosis, answered_diagnosis, model_version, left(caller || ' (' || tenant || ')', 200), comment FROM latest ORDER BY time DESC, id DESC
        """;

    private const string Refresh = """
        UPDATE review_items SET score = $3, suggested = $4, reason = $5 WHERE kind = $1 AND image_id = $2 AND state <> 'closed'
        """;

    private const string Open = """
        INSERT INTO review_items (id, kind, group_id, image_id, state, opened_at, score, suggested, reason)
        SELECT $6, $1, $7, $2, 'open', $8, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM review_items WHERE kind = $1 AND image_id = $2 AND state <> 'closed')
        """;

    private const string Write = """
        INSERT INTO feedback_outcomes (feedback_id, state, image_id, reason, settled_at)
        SELECT outcome.feedback_id, outcome.state, outcome.image_id, outcome.reason, $5
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS outcome (feedback_id, state, image_id, reason)
        ON CONFLICT (feedback_id) DO UPDATE SET state = excluded.state, image_id = excluded.image_id, reason = excluded.reason, settled_at = excluded.settled_at
        """;

    /// <summary>Settles feedback.</summary>
    /// <param name="feedback">The feedback.</param>
    /// <param name="refused">Why images were not taken in just now, by their SHA-256 in hexadecimal.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    public async Task SettleAsync(Guid[] feedback, IReadOnlyDictionary<string, string> refused, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var given = await ReadAsync(connection, feedback, cancellationToken);
        var known = given.Where(one => one.Image is { IsForgotten: false }).ToList();
        await ClaimAsync(connection, [.. known.Select(one => one.Image!)], now, cancellationToken);
        await AskAsync(connection, known.Where(one => !one.Image!.IsExcluded).ToLookup(one => one.Image!, one => one.IsNoNews), now, cancellationToken);
        var outcomes = given.ConvertAll(one => (one.Id, State: StateOf(one, refused), ImageId: one.Image?.Id, Reason: one.Image is null ? refused.GetValueOrDefault(one.Hash, "") : ""));
        await WriteAsync(connection, outcomes, now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        foreach (var state in outcomes.GroupBy(outcome => outcome.State))
        {
            metrics.FeedbackSettled(state.Key, state.Count());
            LogSettled(state.Count(), state.Key);
        }
    }

    private static FeedbackState StateOf(Given given, IReadOnlyDictionary<string, string> refused) => given.Image switch
    {
        { IsForgotten: true } => FeedbackState.ImageForgotten,
        { } => FeedbackState.Taken,
        null when refused.ContainsKey(given.Hash) => FeedbackState.ImageRefused,
        null => FeedbackState.ImageUnknown,
    };

    private static async Task<List<Given>> ReadAsync(NpgsqlConnection connection, Guid[] feedback, CancellationToken cancellationToken)
    {
        var given = new List<Given>();
        await using var command = new NpgsqlCommand(Images, connection) { Parameters = { new() { Value = feedback } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            given.Add(new Given(
                rows.GetGuid(0), Convert.ToHexString(rows.GetFieldValue<byte[]>(1)), !rows.IsDBNull(2) && rows.GetBoolean(2),
                rows.IsDBNull(3) ? null : new KnownPicture(rows.GetGuid(3), rows.GetGuid(4), rows.GetBoolean(5), rows.GetBoolean(6))));
        }

        return given;
    }

    private static async Task ClaimAsync(NpgsqlConnection connection, KnownPicture[] pictures, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (pictures.Length == 0)
            return;
        var images = pictures.Select(picture => picture.Id).Distinct().ToArray();
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        foreach (var statement in new[] { TakeClaimsBack, Claim })
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(statement)
            {
                Parameters = { new() { Value = images }, new() { Value = (short)ClaimRank.Clinician } },
            });
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
        await LabelResolution.ApplyAsync(connection, [.. pictures.Select(picture => picture.GroupId).Distinct()], now, cancellationToken);
    }

    // One question for each image, open until a reviewer decides; what is said meanwhile is added to it. To agree with the label that stands asks nothing.
    private static async Task AskAsync(NpgsqlConnection connection, ILookup<KnownPicture, bool> noNews, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (noNews.Count == 0)
            return;
        var said = await ReadSaidAsync(connection, [.. noNews.Select(picture => picture.Key.Id)], cancellationToken);
        await using var batch = new NpgsqlBatch(connection) { Timeout = CatalogueLock.Timeout };
        foreach (var picture in noNews)
        {
            var statements = said[picture.Key.Id].ToList();
            batch.BatchCommands.Add(Item(Refresh, picture.Key.Id, statements));
            if (picture.All(isNoNews => isNoNews))
                continue;
            var open = Item(Open, picture.Key.Id, statements);
            open.Parameters.Add(new() { Value = Guid.CreateVersion7(now) });
            open.Parameters.Add(new() { Value = picture.Key.GroupId });
            open.Parameters.Add(new() { Value = now });
            batch.BatchCommands.Add(open);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlBatchCommand Item(string sql, Guid image, List<Statement> statements)
    {
        var suggested = DiagnosisSet.Of([.. statements.Where(statement => statement.Disagrees).Select(statement => statement.Diagnosis).OfType<Diagnosis>()]);
        return new NpgsqlBatchCommand(sql)
        {
            Parameters =
            {
                new() { Value = ReviewKind.Feedback.ToColumn() },
                new() { Value = image },
                new() { Value = (float)statements.Count(statement => statement.Disagrees) },
                new() { Value = suggested.IsEmpty ? DBNull.Value : suggested.Bits, NpgsqlDbType = NpgsqlDbType.Smallint },
                new() { Value = Say(statements) },
            },
        };
    }

    private static async Task<ILookup<Guid, Statement>> ReadSaidAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        var said = new List<(Guid Image, Statement Statement)>();
        await using var command = new NpgsqlCommand(Said, connection) { Parameters = { new() { Value = images } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            said.Add((rows.GetGuid(0), new Statement(
                rows.GetBoolean(1), rows.IsDBNull(2) ? null : (Diagnosis)rows.GetInt16(2), (Diagnosis)rows.GetInt16(3), rows.GetInt32(4), rows.GetString(5), rows.GetString(6))));
        }

        return said.ToLookup(one => one.Image, one => one.Statement);
    }

    private static string Say(List<Statement> statements)
    {
        var sentences = statements.Take(NamedAtMost).Select(statement => statement.Say()).ToList();
        if (statements.Count > NamedAtMost)
            sentences.Add($"{statements.Count - NamedAtMost} more said something before.");
        return string.Join(' ', sentences);
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, List<(Guid Id, FeedbackState State, Guid? ImageId, string Reason)> outcomes, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Write, connection)
        {
            Parameters =
            {
                new() { Value = outcomes.Select(outcome => outcome.Id).ToArray() },
                new() { Value = outcomes.Select(outcome => outcome.State.ToColumn()).ToArray() },
                new() { Value = outcomes.Select(outcome => outcome.ImageId).ToArray() },
                new() { Value = outcomes.Select(outcome => outcome.Reason).ToArray() },
                new() { Value = now },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(71, LogLevel.Information, "Feedback was settled: {Count} {State}")]
    private partial void LogSettled(int count, FeedbackState state);

    /// <summary>Feedback, and its image if the catalogue has it.</summary>
    /// <param name="Id">The feedback.</param>
    /// <param name="Hash">The image's SHA-256 in hexadecimal.</param>
    /// <param name="IsNoNews">Whether it agrees with the label that stands.</param>
    /// <param name="Image">The image of the catalogue.</param>
    private sealed record Given(Guid Id, string Hash, bool IsNoNews, KnownPicture? Image);

    private sealed record KnownPicture(Guid Id, Guid GroupId, bool IsForgotten, bool IsExcluded);

    /// <summary>What somebody says last.</summary>
    private sealed record Statement(bool Disagrees, Diagnosis? Diagnosis, Diagnosis Answered, int ModelVersion, string Who, string Comment)
    {
        public string Say()
        {
            var judgement = (Disagrees, Diagnosis) switch
            {
                (false, _) => $"agrees with {Diagnoses.NameOf(Answered)}",
                (_, { } other) => $"says {Diagnoses.NameOf(other)} and not {Diagnoses.NameOf(Answered)}",
                _ => $"says that it is not {Diagnoses.NameOf(Answered)}",
            };
            return $"{Who} {judgement}, the answer of model version {ModelVersion}{(Comment.Length > 0 ? $": \"{Comment}\"" : ".")}";
        }
    }
}
