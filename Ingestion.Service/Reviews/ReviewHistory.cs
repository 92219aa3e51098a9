using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts;
using Npgsql;
using NpgsqlTypes;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Reviews;

/// <summary>Reads the log of decisions.</summary>
internal sealed class ReviewHistory(NpgsqlDataSource dataSource)
{
    private const string Decisions = """
        SELECT decision.id, action, diagnoses, decided_by, decided_at, comment, undoes_id,
            (SELECT undoing.id FROM review_decisions AS undoing WHERE undoing.undoes_id = decision.id),
            (SELECT count(*)::int FROM review_decision_images WHERE decision_id = decision.id)
        FROM review_decisions AS decision
        """;

    private const string One = Decisions + " WHERE decision.id = $1";

    private const string Newest = Decisions + """
         WHERE decision.id < $1 AND ($2 IS NULL OR EXISTS (SELECT FROM review_decision_images WHERE decision_id = decision.id AND image_id = $2))
        ORDER BY decision.id DESC LIMIT $3
        """;

    /// <summary>Decisions, newest first: those before a number, about one image or all.</summary>
    public async Task<IReadOnlyList<V1.ReviewDecision>> ListAsync(int count, Guid? image, long? before, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Newest);
        command.Parameters.AddWithValue(before ?? long.MaxValue);
        command.Parameters.Add(new NpgsqlParameter { Value = image is { } id ? id : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.AddWithValue(count);
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>A decision that exists, as the connection's transaction sees it.</summary>
    public static async Task<V1.ReviewDecision> FindAsync(NpgsqlConnection connection, long id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(One, connection) { Parameters = { new() { Value = id } } };
        return (await ReadAsync(command, cancellationToken)).Single();
    }

    private static async Task<List<V1.ReviewDecision>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        var decisions = new List<V1.ReviewDecision>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var decision = new V1.ReviewDecision
            {
                DecisionId = rows.GetInt64(0),
                Action = rows.GetString(1),
                DecidedBy = rows.GetString(3),
                DecidedAt = Timestamp.FromDateTimeOffset(rows.GetFieldValue<DateTimeOffset>(4)),
                Comment = rows.GetString(5),
                Images = rows.GetInt32(8),
            };
            if (!rows.IsDBNull(2))
                decision.Diagnoses.AddRange(new DiagnosisSet(rows.GetInt16(2)).Members.Select(Diagnoses.NameOf));
            if (!rows.IsDBNull(6))
                decision.UndoesDecisionId = rows.GetInt64(6);
            if (!rows.IsDBNull(7))
                decision.UndoneByDecisionId = rows.GetInt64(7);
            decisions.Add(decision);
        }

        return decisions;
    }
}
