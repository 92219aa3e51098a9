using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class ReviewLogTests(TestServers servers)
{
    private const int Images = 10;
    private const int Sequences = 12;

    // Few images, few labels: decisions about the same image and contradictions within a lesion meet often.
    private static readonly Gen<Step[]> GenSteps =
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, Images - 1].Array[1, 4], Gen.Int[3, 5], Gen.Int[0, 1000], (action, images, diagnosis, back) =>
            new Step(action, images, diagnosis, back)).Array[1, 8];

    [Fact]
    public async Task Should_end_where_the_log_without_what_was_undone_ends_when_decisions_are_any()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        // Two images a lesion; the third, fourth and fifth lesion begin in conflict.
        int[] folders = [3, 3, 4, 4, 3, 4, 4, 5, 5, 3];
        await host.DeliverAsync("lesions", folders.Select((folder, i) =>
            ($"Train/{Diagnoses.Names[folder]}/ISIC_{i / 2:0000000}_{i}.jpg", HostileFiles.Picture(i))), cancellation);
        await host.ExecuteAsync("""
            INSERT INTO review_items (id, kind, group_id, image_id, state, opened_at, score, reason)
            SELECT gen_random_uuid(), 'labelerror', group_id, id, 'open', now(), 1, 'The model sees it differently.' FROM images
            """, cancellation);
        var ids = await host.QueryAsync<string[]>("SELECT array_agg(image_id::text ORDER BY id) FROM delivery_files", cancellation);
        var log = new List<Decision>();

        await GenSteps.SampleAsync(async steps =>
        {
            // Back to the beginning, so that a failing sequence stands for itself.
            foreach (var decision in log.Where(decision => !decision.Undone))
                await UndoAsync(decision);
            log.Clear();
            foreach (var step in steps)
                await TakeAsync(step);
            Assert.Equal(string.Join("\n", Expect(log, folders)), await host.QueryAsync<string>("""
                SELECT string_agg(concat_ws(' ', label_state, label, excluded_at IS NOT NULL,
                    (SELECT string_agg(diagnoses::text, '+') FROM label_claims WHERE label_claims.image_id = images.id AND rank = 4),
                    (SELECT count(*) FROM review_items AS item WHERE item.image_id = images.id AND state = 'open'),
                    (SELECT count(*) FROM review_items AS item WHERE item.group_id = images.group_id AND kind = 'conflict' AND state = 'open')),
                    E'\n' ORDER BY delivery_files.id)
                FROM images JOIN delivery_files ON image_id = images.id
                """, cancellation));
        }, iter: Sequences, threads: 1);

        async Task TakeAsync(Step step)
        {
            var standing = log.Where(decision => !decision.Undone).ToList();
            if (step.Action == 0 && standing.Count > 0)
            {
                await UndoAsync(standing[step.Back % standing.Count]);
                return;
            }

            var selection = new ImageSelection { ImageIds = { step.Images.Select(image => ids[image]) } };
            var outcome = step.Action == 1
                ? await host.Reviews.ExcludeImagesAsync(new ExcludeImagesRequest { Selection = selection }, cancellationToken: cancellation)
                : await host.Reviews.SettleImagesAsync(
                    new SettleImagesRequest { Selection = selection, Diagnoses = { Diagnoses.Names[step.Diagnosis] } }, cancellationToken: cancellation);
            log.Add(new Decision(outcome.Decision.DecisionId, [.. step.Images], step.Action == 1 ? null : step.Diagnosis));
        }

        async Task UndoAsync(Decision decision)
        {
            await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = decision.Id }, cancellationToken: cancellation);
            decision.Undone = true;
        }
    }

    /// <summary>What a plain reading of the log says of each image, in the same words as the query.</summary>
    private static string[] Expect(List<Decision> log, int[] folders)
    {
        var newest = Enumerable.Range(0, Images).Select(image => log.LastOrDefault(decision => !decision.Undone && decision.Images.Contains(image))).ToArray();
        return [.. Enumerable.Range(0, Images).Select(image =>
        {
            int[] lesion = [image, image ^ 1];
            var included = lesion.Where(member => newest[member] is not { Diagnosis: null }).ToList();
            var reviewed = included.Select(member => newest[member]?.Diagnosis).OfType<int>().Distinct().ToList();
            var labels = reviewed.Count > 0 ? reviewed : included.Select(member => folders[member]).Distinct().ToList();
            var state = labels.Count switch { 0 => "unlabelled", 1 => $"settled {1 << labels[0]}", _ => "conflict" };
            var claim = newest[image]?.Diagnosis is { } diagnosis ? $" {1 << diagnosis}" : "";
            return $"{state} {(newest[image] is { Diagnosis: null } ? "t" : "f")}{claim} {(newest[image] is null && reviewed.Count == 0 ? 1 : 0)} {(labels.Count > 1 ? 1 : 0)}";
        })];
    }

    /// <summary>Action 0 undoes, 1 excludes, any other settles.</summary>
    private sealed record Step(int Action, int[] Images, int Diagnosis, int Back)
    {
        public override string ToString() => $"{Action} {string.Join(',', Images)} {Diagnosis} {Back}";
    }

    private sealed record Decision(long Id, HashSet<int> Images, int? Diagnosis)
    {
        public bool Undone { get; set; }
    }
}
