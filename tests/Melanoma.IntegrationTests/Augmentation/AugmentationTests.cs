using Melanoma.Contracts;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.Recipes;
using Melanoma.Storage.Datasets;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Augmentation;

[Collection("Augmentation")]
public sealed class AugmentationTests(TestServers servers)
{
    private static readonly (DiagnosisSet Label, Split Split)[] SmallHonest =
    [
        .. DatasetRows.Rows(Split.Train, 3, Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion),
        .. DatasetRows.Rows(Split.Validation, 2, Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.Dermatofibroma),
        .. DatasetRows.Rows(Split.Test, 2, Diagnosis.Melanoma, Diagnosis.Nevus),
        (DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis), Split.Train),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_make_each_variant_once_when_two_workers_share_the_batches()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation, size: 180);
        await Task.WhenAll(stack.StartWorkerAsync(Cancellation, batchSize: 7), stack.StartWorkerAsync(Cancellation, batchSize: 7));

        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 60, Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);

        await stack.AssertEachVariantOnceAsync(augmentation, expected: 180, Cancellation);
        Assert.Equal(1, await stack.CountAnnouncementsAsync(augmentation, Cancellation));
        Assert.Equal(2, await stack.ScalarAsync<long>("SELECT count(DISTINCT owner) FROM augmentation_batches WHERE completed_at IS NOT NULL", Cancellation));
    }

    [Fact]
    public async Task Should_take_parents_from_train_only_when_the_dataset_is_honest()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await stack.StartWorkerAsync(Cancellation);

        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);

        // Three diagnoses with training images: not the one in validation alone, nor the set of two.
        await stack.AssertEachVariantOnceAsync(augmentation, expected: 30, Cancellation);
        var strangers = await stack.ScalarAsync<long>(
            """
            SELECT count(*) FROM variants v JOIN dataset_items i ON i.dataset_id = v.dataset_id AND i.ordinal = v.parent_ordinal
            WHERE i.split <> 'train' OR v.split <> 'train' OR v.parent_split <> 'train' OR i.label <> v.label
            """, Cancellation);
        Assert.Equal(0, strangers);
    }

    [Theory]
    [InlineData("train", "validation", "ck_variants_train_only")]
    [InlineData("validation", "validation", "ck_variants_train_only")]
    [InlineData("train", "train", "fk_variants_dataset_items")]
    public async Task Should_be_refused_by_the_database_when_an_honest_variant_has_a_validation_parent(string split, string parentSplit, string constraint)
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await using var insert = stack.Source.CreateCommand(
            """
            WITH made AS (
                INSERT INTO augmentations (id, dataset_id, dataset_kind, policy, samples_per_class, seed, batches, planned_at)
                VALUES (gen_random_uuid(), $1, 'honest', 'augmentor', 1, 1, 1, now()) RETURNING id)
            INSERT INTO variants (augmentation_id, ordinal, dataset_id, dataset_kind, parent_ordinal, parent_split, split, label, parameters, sha256)
            SELECT made.id, 0, $1, 'honest', i.ordinal, $2, $3, i.label, '{}', ''
            FROM made, dataset_items i WHERE i.dataset_id = $1 AND i.split = 'validation' ORDER BY i.ordinal LIMIT 1
            """);
        insert.Parameters.Add(new() { Value = dataset });
        insert.Parameters.Add(new() { Value = parentSplit });
        insert.Parameters.Add(new() { Value = split });

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => insert.ExecuteNonQueryAsync(Cancellation));

        Assert.StartsWith(constraint, refusal.ConstraintName, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_give_the_same_bytes_when_two_databases_cut_the_same_dataset_differently()
    {
        var lists = new List<string>();
        foreach (var (batchSize, parallelism) in new[] { (4, 1), (50, 3) })
        {
            await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
            var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
            await stack.StartWorkerAsync(Cancellation, batchSize, parallelism);
            var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 12, Cancellation);
            await stack.WaitUntilAugmentedAsync(run, Cancellation);
            lists.Add(await stack.ScalarAsync<string>(
                "SELECT string_agg(concat_ws(' ', ordinal, parent_ordinal, parameters, encode(sha256, 'hex')), E'\\n' ORDER BY ordinal) FROM variants", Cancellation));
        }

        Assert.Equal(36, lists[0].Split('\n').Length);
        Assert.Equal(lists[0], lists[1]);
    }

    [Fact]
    public async Task Should_split_a_fifth_off_for_validation_when_the_dataset_is_a_reproduction()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertReproductionAsync(stack.Source,
            [
                .. DatasetRows.Rows(Split.Train, 3, Diagnosis.Melanoma, Diagnosis.Nevus),
                .. DatasetRows.Rows(Split.Validation, 2, Diagnosis.Melanoma, Diagnosis.Nevus),
                .. DatasetRows.Rows(Split.Test, 2, Diagnosis.Melanoma, Diagnosis.Nevus),
            ], Cancellation);
        await stack.StartWorkerAsync(Cancellation);

        var run = await stack.RequestRunAsync(dataset, DatasetKind.Reproduction, samplesPerClass: 21, Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);

        await stack.AssertEachVariantOnceAsync(augmentation, expected: 42, Cancellation);
        Assert.Equal(8, await stack.ScalarAsync<long>("SELECT count(*) FROM variants WHERE split = 'validation'", Cancellation));
        Assert.Equal(34, await stack.ScalarAsync<long>("SELECT count(*) FROM variants WHERE split = 'train'", Cancellation));
        Assert.True(await stack.ScalarAsync<long>("SELECT count(*) FROM variants WHERE parent_split = 'validation'", Cancellation) > 0);
        Assert.Equal(0, await stack.ScalarAsync<long>("SELECT count(*) FROM variants WHERE parent_split = 'test'", Cancellation));
    }

    [Fact]
    public async Task Should_change_nothing_when_messages_of_batches_come_again()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await stack.StartWorkerAsync(Cancellation);
        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);
        var before = await FingerprintAsync(stack, augmentation);

        for (var again = 0; again < 2; again++)
        {
            for (var number = 0; number < 3; number++)
                await stack.PublishAsync(new AugmentationBatchReady(augmentation, number), Cancellation);
            await stack.PublishAsync(new RunRequested(run.Id), Cancellation);
        }

        // One worker takes its messages in order: when a later plan is done, the doubled messages have been taken.
        var later = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation, seed: 7);
        await stack.WaitUntilAugmentedAsync(later, Cancellation);
        await stack.UntilAsync<bool>(async _ => await stack.CountAnnouncementsAsync(augmentation, Cancellation) == 3 ? true : null, Cancellation);
        Assert.Equal(before, await FingerprintAsync(stack, augmentation));
    }

    [Fact]
    public async Task Should_announce_again_and_make_nothing_when_another_run_wants_the_same()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await stack.StartWorkerAsync(Cancellation);
        var first = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(first, Cancellation);

        await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);

        await stack.UntilAsync<bool>(async _ => await stack.CountAnnouncementsAsync(augmentation, Cancellation) == 2 ? true : null, Cancellation);
        Assert.Equal(1, await stack.ScalarAsync<long>("SELECT count(*) FROM augmentations", Cancellation));
        await stack.AssertEachVariantOnceAsync(augmentation, expected: 30, Cancellation);
    }

    [Theory]
    [InlineData(AugmentationPlan.NoPolicy, 0)]
    [InlineData(AugmentationPlan.AugmentorPolicy, 0)]
    public async Task Should_be_complete_at_once_when_no_variants_are_wanted(string policy, int samplesPerClass)
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await stack.StartWorkerAsync(Cancellation);

        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass, Cancellation, policy: policy);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);

        Assert.Equal(1, await stack.CountAnnouncementsAsync(augmentation, Cancellation));
        Assert.Equal(0, await stack.ScalarAsync<long>("SELECT count(*) FROM augmentation_batches", Cancellation));
    }

    [Fact]
    public async Task Should_find_run_and_batches_by_itself_when_no_message_ever_comes()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 10, Cancellation);
        await stack.ScalarAsync<long>(
            """
            CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.sent_at := now(); RETURN NEW; END $$;
            CREATE TRIGGER lose BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION lose();
            UPDATE outbox SET sent_at = now();
            SELECT 0::bigint
            """, Cancellation);

        await stack.StartWorkerAsync(Cancellation);
        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);

        await stack.AssertEachVariantOnceAsync(augmentation, expected: 30, Cancellation);
    }

    [Fact]
    public async Task Should_say_why_and_carry_on_later_when_the_bytes_of_parents_are_missing()
    {
        await using var stack = await AugmentationStack.StartAsync(servers, Cancellation);
        var dataset = await DatasetRows.InsertHonestAsync(stack.Source, SmallHonest, Cancellation);
        await stack.ScalarAsync<long>("CREATE TABLE aside AS TABLE image_contents; DELETE FROM image_contents; SELECT 0::bigint", Cancellation);
        await stack.StartWorkerAsync(Cancellation);

        var run = await stack.RequestRunAsync(dataset, DatasetKind.Honest, samplesPerClass: 3, Cancellation);
        await stack.UntilAsync<bool>(
            async _ => await stack.ScalarAsync<long>("SELECT count(*) FROM augmentation_batches WHERE error LIKE '%not in the catalogue%'", Cancellation) == 1 ? true : null,
            Cancellation);
        await stack.ScalarAsync<long>("INSERT INTO image_contents TABLE aside; SELECT 0::bigint", Cancellation);

        var augmentation = await stack.WaitUntilAugmentedAsync(run, Cancellation);
        await stack.AssertEachVariantOnceAsync(augmentation, expected: 9, Cancellation);
    }

    private static Task<string> FingerprintAsync(AugmentationStack stack, Guid augmentation) => stack.ScalarAsync<string>(
        """
        SELECT string_agg(b.number || ' ' || b.fence || ' ' || b.owner || ' ' || b.completed_at || ' ' || v.rows, E'\n' ORDER BY b.number)
        FROM augmentation_batches b, (SELECT string_agg(xmin || encode(sha256, 'hex'), ',' ORDER BY ordinal) AS rows FROM variants WHERE augmentation_id = $1) v
        WHERE b.augmentation_id = $1
        """, Cancellation, augmentation);
}
