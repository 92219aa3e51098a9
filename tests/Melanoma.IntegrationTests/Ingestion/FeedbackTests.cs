using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using NpgsqlTypes;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>What hospitals say of answers, on its way to the data team; the test is in Inference's place.</summary>
public sealed class FeedbackTests(TestServers servers)
{
    private const string Nevus = "nevus";
    private const string Melanoma = "melanoma";

    private static readonly short NevusBits = DiagnosisSet.Of(Diagnosis.Nevus).Bits;
    private static readonly short MelanomaBits = DiagnosisSet.Of(Diagnosis.Melanoma).Bits;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_be_a_clinicians_claim_and_one_question_until_a_reviewer_decides_when_it_is_about_a_known_picture()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation, ("Ingestion__Feedback__SweepSeconds", "86400"));
        var picture = HostileFiles.Picture(1);
        await host.DeliverAsync("nevi", [($"Train/{Nevus}/1.jpg", picture), ($"Train/{Nevus}/2.jpg", HostileFiles.Picture(2))], Cancellation);
        var answer = Guid.NewGuid();

        await AnnounceAsync(host, await GiveAsync(host, picture, answer, Diagnosis.Melanoma, comment: "Seen under the <microscope>."), times: 2);
        await SettledAsync(host, 1);
        var item = Assert.Single(await ItemsAsync(host));
        Assert.Equal((ReviewState.Open, 1.0, Melanoma), (item.State, item.Score, Assert.Single(item.Suggested)));
        Assert.Equal("key (north) says melanoma and not nevus, the answer of model version 3: \"Seen under the <microscope>.\"", item.Reason);
        Assert.Single(item.Claims, claim => claim is { ClaimedBy: "key (north)" } && claim.Diagnoses.Single() == Melanoma);
        Assert.Equal((MelanomaBits, "settled"), await LabelAsync(host, picture));

        // Of the same caller the newest counts, here one who no longer knows; another caller says the opposite.
        await AnnounceAsync(host, await GiveAsync(host, picture, answer, diagnosis: null, number: 2), times: 1);
        await AnnounceAsync(host, await GiveAsync(host, picture, Guid.NewGuid(), Diagnosis.Nevus, caller: "second", agree: true), times: 1);
        await SettledAsync(host, 3);
        item = Assert.Single(await ItemsAsync(host));
        Assert.Equal((1.0, 0), (item.Score, item.Suggested.Count));
        Assert.Contains("second (north) agrees with nevus", item.Reason, StringComparison.Ordinal);
        Assert.Contains("key (north) says that it is not nevus", item.Reason, StringComparison.Ordinal);
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM label_claims WHERE rank = 1 AND diagnoses = {NevusBits} AND claimed_by = 'second (north)'", Cancellation));
        Assert.Equal((NevusBits, "settled"), await LabelAsync(host, picture));

        var settle = new SettleImagesRequest { Selection = new ImageSelection { ItemIds = { item.ItemId } }, Diagnoses = { Nevus } };
        var decision = (await host.Reviews.SettleImagesAsync(settle, cancellationToken: Cancellation)).Decision.DecisionId;
        Assert.Empty(await ItemsAsync(host));
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = decision }, cancellationToken: Cancellation);
        Assert.Equal(item.ItemId, Assert.Single(await ItemsAsync(host)).ItemId);
        await host.Reviews.SettleImagesAsync(settle, cancellationToken: Cancellation);

        // What is said after the decision is a new question, which what the lesion is told otherwise does not close.
        await AnnounceAsync(host, await GiveAsync(host, picture, Guid.NewGuid(), Diagnosis.Melanoma, caller: "third"), times: 1);
        await SettledAsync(host, 4);
        var later = Assert.Single(await ItemsAsync(host));
        Assert.NotEqual(item.ItemId, later.ItemId);
        Assert.Equal((NevusBits, "settled"), await LabelAsync(host, picture));
        await host.Reviews.DeferReviewItemsAsync(new DeferReviewItemsRequest { ItemIds = { later.ItemId } }, cancellationToken: Cancellation);
        Assert.Equal(ReviewState.Deferred, Assert.Single(await ItemsAsync(host)).State);
        await host.Reviews.ExcludeImagesAsync(new ExcludeImagesRequest { Selection = new ImageSelection { ItemIds = { later.ItemId } } }, cancellationToken: Cancellation);
        Assert.Empty(await ItemsAsync(host));
    }

    [Fact]
    public async Task Should_take_in_what_it_brings_wait_for_what_it_does_not_and_leave_out_what_was_forgotten_when_nobody_was_woken()
    {
        await using var host = await IngestionHost.StartAsync(servers, Cancellation, ("Ingestion__Feedback__SweepSeconds", "1"));
        var (known, unknown, brought, forgotten) = (HostileFiles.Picture(1), HostileFiles.Picture(2), HostileFiles.Picture(3), HostileFiles.Picture(4));
        await host.DeliverAsync("nevi", [($"Train/{Nevus}/1.jpg", known), ($"Train/{Nevus}/4.jpg", forgotten)], Cancellation);
        var image = await host.QueryAsync<Guid>($"SELECT id FROM images WHERE sha256 = {Hex(forgotten)}", Cancellation);
        await host.Catalog.ForgetImagesAsync(new ForgetImagesRequest { ImageIds = { image.ToString() } }, cancellationToken: Cancellation);

        await GiveAsync(host, known, Guid.NewGuid(), Diagnosis.Nevus, agree: true);
        await GiveAsync(host, unknown, Guid.NewGuid(), Diagnosis.Melanoma);
        await GiveAsync(host, brought, Guid.NewGuid(), Diagnosis.Melanoma, brings: true);
        await GiveAsync(host, forgotten, Guid.NewGuid(), Diagnosis.Melanoma, brings: true);
        await GiveAsync(host, "no picture at all"u8.ToArray(), Guid.NewGuid(), Diagnosis.Melanoma, brings: true);
        await SettledAsync(host, 5);

        Assert.Equal(["imageforgotten", "imagerefused", "imageunknown", "taken", "taken"], await StatesAsync(host));
        Assert.Equal((MelanomaBits, "settled"), await LabelAsync(host, brought));
        Assert.Equal(1, await host.QueryAsync<long>($"""
            SELECT count(*) FROM images JOIN image_contents AS content ON content.image_id = images.id JOIN image_signatures AS signature ON signature.image_id = images.id
                JOIN deliveries ON deliveries.id = delivery_id
            WHERE sha256 = {Hex(brought)} AND measures_quality_flags IS NOT NULL AND deliveries.name = 'feedback' AND deliveries.state = 'completed'
            """, Cancellation));
        Assert.Equal(0, await host.QueryAsync<long>($"SELECT count(*) FROM image_contents JOIN images ON images.id = image_id WHERE sha256 = {Hex(forgotten)}", Cancellation));

        // To agree with the label that stands is a claim and no question.
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(brought)), Assert.Single((await ItemsAsync(host)).SelectMany(item => item.Images)).Sha256);
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM label_claims WHERE rank = 1", Cancellation));

        await host.DeliverAsync("late", [($"Train/{Nevus}/late.jpg", unknown)], Cancellation);
        await IngestionHost.WaitAsync(async () => (await StatesAsync(host)).Count(state => state == "taken") == 3, Cancellation);
        Assert.Equal((MelanomaBits, "settled"), await LabelAsync(host, unknown));
        Assert.Equal(2, (await ItemsAsync(host)).Count);
        Assert.Equal(1, await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE name = 'feedback'", Cancellation));
    }

    private static async Task<Guid> GiveAsync(
        IngestionHost host, byte[] picture, Guid prediction, Diagnosis? diagnosis, string caller = "key", bool agree = false, int number = 1, string comment = "", bool brings = false)
    {
        var id = Guid.CreateVersion7();
        await using var command = host.Database.CreateCommand("""
            INSERT INTO feedback (id, time, tenant, caller, prediction_id, number, image_sha256, model_version, answered_diagnosis, verdict, diagnosis, comment, brought_image)
            VALUES ($1, clock_timestamp(), 'north', $2, $3, $4, $5, 3, $6, $7, $8, $9, $10)
            """);
        foreach (var value in new object[] { id, caller, prediction, number, SHA256.HashData(picture), (short)Diagnosis.Nevus, agree ? "agree" : "disagree" })
        {
            command.Parameters.Add(new() { Value = value });
        }

        command.Parameters.Add(new() { Value = diagnosis is { } named ? (short)named : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Smallint });
        command.Parameters.Add(new() { Value = comment });
        command.Parameters.Add(new() { Value = brings });
        await using var image = host.Database.CreateCommand("INSERT INTO feedback_images (feedback_id, bytes) VALUES ($1, $2)");
        image.Parameters.Add(new() { Value = id });
        image.Parameters.Add(new() { Value = picture });
        await command.ExecuteNonQueryAsync(Cancellation);
        if (brings)
        {
            await image.ExecuteNonQueryAsync(Cancellation);
        }

        return id;
    }

    private static Task<int> AnnounceAsync(IngestionHost host, Guid feedback, int times) => host.ExecuteAsync($$"""
        INSERT INTO outbox (service, message_name, body) SELECT 'ingestion', 'melanoma.feedback-given.v1', '{"feedbackId":"{{feedback}}"}' FROM generate_series(1, {{times}})
        """, Cancellation);

    private static Task SettledAsync(IngestionHost host, int outcomes) => IngestionHost.WaitAsync(async () => (await StatesAsync(host)).Count == outcomes, Cancellation);

    private static async Task<List<string>> StatesAsync(IngestionHost host) =>
        [.. await host.QueryAsync<string[]>("SELECT coalesce(array_agg(state ORDER BY state), '{}') FROM feedback_outcomes", Cancellation)];

    private static async Task<(short? Label, string State)> LabelAsync(IngestionHost host, byte[] picture)
    {
        await using var command = host.Database.CreateCommand($"SELECT label, label_state FROM images WHERE sha256 = {Hex(picture)}");
        await using var rows = await command.ExecuteReaderAsync(Cancellation);
        Assert.True(await rows.ReadAsync(Cancellation));
        return (rows.IsDBNull(0) ? null : rows.GetInt16(0), rows.GetString(1));
    }

    private static string Hex(byte[] picture) => $@"'\x{Convert.ToHexStringLower(SHA256.HashData(picture))}'";

    private static async Task<IReadOnlyList<ReviewItem>> ItemsAsync(IngestionHost host) =>
        (await host.Reviews.ListReviewItemsAsync(new ListReviewItemsRequest { Kind = ReviewKind.Feedback }, cancellationToken: Cancellation)).Items;
}
