using System.Globalization;
using CsCheck;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DatasetTests(TestServers servers)
{
    private const int Mixes = 6;

    // Pictures, ids and folders from small ranges, so that copies, shared ids, contradictions and Test folders meet often.
    private static readonly Gen<(string Path, byte[] Bytes)[]> GenMix =
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 40], Gen.Int[0, 8], Gen.Int[0, 9], (picture, id, diagnosis, folder) => (picture, id, diagnosis, folder))
            .Array[20, 60]
            .Select(files => files.Select((file, i) => (
                $"{(file.folder == 0 ? "Test" : "Train")}/{Diagnoses.Names[(file.picture + (file.diagnosis == 0 ? 1 : 0)) % 9]}/ISIC_{file.id:0000000}_{i}.jpg",
                HostileFiles.Picture(file.picture))).ToArray());

    [Fact]
    public async Task Should_keep_every_lesion_in_one_split_for_ever_when_any_mix_of_deliveries_comes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("base", Enumerable.Range(0, 60).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/base{i}.jpg", HostileFiles.Picture(1000 + i))), cancellation);

        await GenMix.SampleAsync(async files =>
        {
            await host.DeliverAsync("mix", files, cancellation);
            var dataset = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);

            Assert.Equal(0, dataset.GroupsInTwoSplits);
            Assert.Equal(0, await CountAsync("label_state <> 'settled'"));
            Assert.Equal(0, await CountAsync("item.split <> lesion_groups.split"));
            Assert.Equal(0, await CountAsync("lesion_groups.delivered_as_test AND item.split <> 'test'"));
            Assert.Equal(0, await CountAsync("item.group_id <> images.group_id"));
            Assert.Equal(0, await host.QueryAsync<long>(
                "SELECT count(*) FROM (SELECT isic_id FROM image_isic_ids JOIN images ON images.id = image_id GROUP BY isic_id HAVING count(DISTINCT group_id) > 1) AS x", cancellation));

            Task<long> CountAsync(string condition) => host.QueryAsync<long>($"""
                SELECT count(*) FROM dataset_items AS item JOIN images ON images.id = image_id JOIN lesion_groups ON lesion_groups.id = images.group_id
                WHERE dataset_id = {dataset.DatasetId} AND ({condition})
                """, cancellation);
        }, iter: Mixes, threads: 1);

        // A split that was drawn changes only to test.
        Assert.Equal(0, await host.QueryAsync<long>("""
            SELECT count(*) FROM dataset_groups AS early JOIN dataset_groups AS late USING (group_id)
            WHERE early.dataset_id < late.dataset_id AND early.split <> late.split AND late.split <> 'test'
            """, cancellation));
    }

    [Fact]
    public async Task Should_show_the_divided_lesion_when_two_groups_turn_out_to_be_one_after_the_snapshot()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        await host.DeliverAsync("apart", Enumerable.Range(0, 80).Select(i => ($"Train/{Diagnoses.Names[i % 9]}/ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))), cancellation);
        var before = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var (train, validation) = await PairOfOneDiagnosisAsync();

        // The bytes of one lesion under the id of the other: both are the same lesion.
        await host.DeliverAsync("joined", [($"Train/{Diagnoses.Names[train % 9]}/ISIC_{validation:0000000}.jpg", HostileFiles.Picture(train))], cancellation);
        var after = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var flagged = await host.Datasets.GetDatasetAsync(new GetDatasetRequest { DatasetId = before.DatasetId }, cancellationToken: cancellation);

        Assert.Equal((0, 80), (before.GroupsInTwoSplits, before.Groups));
        Assert.Equal((0, 79), (after.GroupsInTwoSplits, after.Groups));
        Assert.Equal(1, flagged.GroupsInTwoSplits);
        Assert.Equal("test", await host.QueryAsync<string>(
            $"SELECT DISTINCT split FROM lesion_groups JOIN images ON group_id = lesion_groups.id JOIN image_isic_ids ON image_id = images.id WHERE isic_id = 'ISIC_{train:0000000}'", cancellation));

        async Task<(int Train, int Validation)> PairOfOneDiagnosisAsync()
        {
            var pair = (await host.QueryAsync<string>("""
                SELECT min(train_id.isic_id || validation_id.isic_id)
                FROM dataset_items AS train JOIN image_isic_ids AS train_id ON train_id.image_id = train.image_id
                JOIN dataset_items AS validation ON validation.label = train.label AND validation.split = 'validation'
                JOIN image_isic_ids AS validation_id ON validation_id.image_id = validation.image_id
                WHERE train.split = 'train'
                """, cancellation)).Split("ISIC_");
            return (int.Parse(pair[1], CultureInfo.InvariantCulture), int.Parse(pair[2], CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task Should_find_what_the_audit_found_when_the_nine_class_delivery_comes()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var archive = await File.ReadAllBytesAsync(SharedData.Require("isic9.zip"), cancellation);
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        var delivery = await host.DeliverAsync("isic9.zip", [("isic9.zip", archive)], cancellation);
        var honest = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest(), cancellationToken: cancellation);
        var reproduction = await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = DatasetKind.Reproduction }, cancellationToken: cancellation);

        Assert.Equal((2359, 2200, 159, 0, 155), (delivery.Files, delivery.Stored, delivery.Duplicates, delivery.Refused, delivery.Conflicts));
        Assert.Equal((2045, 155, 0), (honest.Images, honest.Parked, honest.GroupsInTwoSplits));
        Assert.Equal([1793, 448, 118], reproduction.Splits.Select(split => split.Images));
        Assert.True(reproduction.GroupsInTwoSplits >= 18);
    }
}
