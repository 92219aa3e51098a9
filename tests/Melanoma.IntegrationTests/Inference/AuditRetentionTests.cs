using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.IntegrationTests.Inference;

public sealed class AuditRetentionTests(TestServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_drop_exactly_the_months_that_are_due_and_go_on_where_they_ended()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Audit__SweepSeconds", "1"), ("Audit__RetentionMonths", "4"));
        await stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion));
        var month = new DateTimeOffset(DateTimeOffset.UtcNow.Year, DateTimeOffset.UtcNow.Month, 1, 0, 0, 0, TimeSpan.Zero);

        // In the order of their ids: the last row of the oldest month is sealed after the first of the next.
        await InsertAsync(stand, 0, 4, "north", month.AddMonths(-5));
        await InsertAsync(stand, 4, 3, "gone", month.AddMonths(-5));
        await InsertAsync(stand, 7, 1, "north", month.AddMonths(-4));
        await InsertAsync(stand, 8, 1, "north", month.AddMonths(-5).AddDays(20));
        await InsertAsync(stand, 9, 4, "north", month.AddMonths(-3));
        await stand.ExecuteAsync("INSERT INTO unsealed_predictions SELECT id FROM predictions");

        var verdict = await stand.EventuallyAsync(() => SealedAuditTests.VerifyAsync(stand), verdict => verdict is { FirstPosition: 8, UnsealedRows: 0 });

        Assert.True(verdict.Intact, verdict.ToString());
        Assert.Equal(13, verdict.LastPosition);
        await using var database = stand.Database();
        Assert.Equal(6, await database.Predictions.CountAsync(Cancellation));
        var anchor = await database.AuditAnchors.SingleAsync(Cancellation);
        Assert.Equal((DateOnly.FromDateTime(month.AddMonths(-5).UtcDateTime), 7L, 7L), (anchor.Month, anchor.LastPosition, anchor.Dropped));

        // Feeds keep their numbers, also that of a tenant of whom nothing is left.
        Assert.Equal([5, 6, 7, 8, 9, 10], await SequencesAsync(stand, "north", 0));
        Assert.Equal(StatusCode.OutOfRange, (await Assert.ThrowsAsync<RpcException>(() => SequencesAsync(stand, "north", 1))).StatusCode);
        await stand.Classifier.ClassifyAsync(InferenceStand.Request(InferenceStand.Picture(220, 60, 60)), InferenceStand.Caller("gone"), cancellationToken: Cancellation);
        Assert.Equal([4], await stand.EventuallyAsync(() => SequencesAsync(stand, "gone", 4), sequences => sequences.Count > 0));

        // What was noted of the end of a dropped month can still be compared.
        Assert.True((await SealedAuditTests.VerifyAsync(stand, new VerifyAuditRequest { NotedPosition = 7, NotedHash = Convert.ToHexString(anchor.LastHash) })).Intact);
        var forgotten = await Assert.ThrowsAsync<RpcException>(() => SealedAuditTests.VerifyAsync(stand, new VerifyAuditRequest { NotedPosition = 6, NotedHash = new string('0', 64) }));
        Assert.Equal(StatusCode.FailedPrecondition, forgotten.StatusCode);
    }

    [Fact]
    public async Task Should_drop_nothing_when_a_month_is_young_or_not_the_oldest_or_not_sealed_or_broken()
    {
        await using var stand = await InferenceStand.StartAsync(servers, ("Audit__SweepSeconds", "1"));
        await stand.RegisterAndPromoteAsync(new TestModel());
        var month = new DateTimeOffset(DateTimeOffset.UtcNow.Year, DateTimeOffset.UtcNow.Month, 1, 0, 0, 0, TimeSpan.Zero);
        await InsertAsync(stand, 0, 2, "north", month.AddMonths(-4));
        await InsertAsync(stand, 2, 2, "north", month.AddMonths(-3));
        await stand.ExecuteAsync("INSERT INTO unsealed_predictions SELECT id FROM predictions");
        await stand.EventuallyAsync(() => SealedAuditTests.VerifyAsync(stand), verdict => verdict is { LastPosition: 4, Intact: true });

        async Task<string> DropAsync(DateTimeOffset first)
        {
            try
            {
                await stand.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT drop_audit_month('{first:yyyy-MM-dd}')"), ServiceRole.Inference);
                return "dropped";
            }
            catch (PostgresException refusal)
            {
                return refusal.MessageText;
            }
        }

        Assert.Contains("not over", await DropAsync(month), StringComparison.Ordinal);
        Assert.Contains("not over", await DropAsync(month.AddMonths(-1)), StringComparison.Ordinal);
        Assert.Contains("first day", await DropAsync(month.AddMonths(-4).AddDays(1)), StringComparison.Ordinal);
        Assert.Contains("not the oldest", await DropAsync(month.AddMonths(-3)), StringComparison.Ordinal);
        await InsertAsync(stand, 9, 1, "north", month.AddMonths(-4));
        Assert.Contains("not sealed", await DropAsync(month.AddMonths(-4)), StringComparison.Ordinal);
        await stand.ExecuteAsync("SET session_replication_role = replica; DELETE FROM predictions WHERE id = (SELECT prediction_id FROM prediction_seals WHERE position = 2); DELETE FROM predictions WHERE id NOT IN (SELECT prediction_id FROM prediction_seals); SET session_replication_role = DEFAULT");
        Assert.Contains("missing up to position 2", await DropAsync(month.AddMonths(-4)), StringComparison.Ordinal);
        await using var database = stand.Database();
        Assert.False(await database.AuditAnchors.AnyAsync(Cancellation));
    }

    private static Task<int> InsertAsync(InferenceStand stand, int from, int count, string tenant, DateTimeOffset time) => stand.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
        INSERT INTO predictions (id, time, tenant, caller, model_version, execution_provider, image_sha256, probabilities, diagnosis, latency_ms, reasons)
        SELECT ('00000000-0000-7000-8000-' || lpad(({from} + n)::text, 12, '0'))::uuid, timestamptz '{time:O}' + n * interval '1 hour', '{tenant}', 'key', 1, 'CPU', sha256('image'),
            array_fill(1.0 / 9, ARRAY[9]), 4, 1, ARRAY[]::text[]
        FROM generate_series(0, {count - 1}) AS n
        """));

    private static async Task<List<long>> SequencesAsync(InferenceStand stand, string tenant, long from)
    {
        var page = await stand.Predictions.ListPredictionsAsync(new ListPredictionsRequest { FromSequence = from }, InferenceStand.Caller(tenant), cancellationToken: Cancellation);
        return [.. page.Predictions.Select(prediction => prediction.Sequence)];
    }
}
