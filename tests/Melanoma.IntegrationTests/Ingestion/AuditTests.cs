using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>What an audit by hand found in the real collections, the service finds by itself.</summary>
public sealed class AuditTests(TestServers servers)
{
    private const string Nine = "isic9.zip";
    private const string Ham = "ham10000-200x150.zip";

    [Fact]
    public async Task Should_find_and_settle_what_the_audit_did_when_the_nine_class_delivery_comes_and_then_HAM10000()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var (nineArchive, hamArchive) = (SharedData.Require(Nine), SharedData.Require(Ham));
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        var nine = await host.DeliverAsync(Nine, [(Nine, await File.ReadAllBytesAsync(nineArchive, cancellation))], cancellation);
        await AssertContradictionsAsync(host, nine, cancellation);
        var ham = await host.DeliverAsync(Ham, [(Ham, await File.ReadAllBytesAsync(hamArchive, cancellation))], cancellation);
        await AssertMetadataDecidesAsync(host, nine, ham, cancellation);
        await AssertLeaksAsync(host, nine, cancellation);
        await SettleTheRunAsync(host, cancellation);
    }

    private static async Task AssertContradictionsAsync(IngestionHost host, Delivery nine, CancellationToken cancellationToken)
    {
        var honest = await CreateAsync(host, DatasetKind.Honest, cancellationToken);
        var reproduction = await CreateAsync(host, DatasetKind.Reproduction, cancellationToken);

        // 77 + 78, and ISIC_0000521, which shows the same lesion as the disputed ISIC_0010990.
        Assert.Equal((2359, 2200, 159, 0, 156), (nine.Files, nine.Stored, nine.Duplicates, nine.Refused, nine.Conflicts));
        Assert.Contains("77 pictures lie byte for byte in the folders actinic keratosis and nevus; 15 of them in Train and in Test.", nine.Findings);
        Assert.Contains("78 pictures lie byte for byte in the folders melanoma and seborrheic keratosis; 3 of them in Train and in Test.", nine.Findings);
        Assert.Equal((2044, 156, 0), (honest.Images, honest.Parked, honest.GroupsInTwoSplits));

        // Without lesion ids only two of the others that share a lesion are found, by what they show.
        Assert.Contains(Leaks(copies: 18, others: 2, clean: 98), nine.Findings);
        Assert.Contains(Leaks(copies: 18, others: 2, clean: 98), honest.Rules);
        Assert.Equal([1793, 448, 118], reproduction.Splits.Select(split => split.Images));
        Assert.True(reproduction.GroupsInTwoSplits >= 18);
    }

    private static async Task AssertMetadataDecidesAsync(IngestionHost host, Delivery nine, Delivery ham, CancellationToken cancellationToken)
    {
        // Two of its pictures are byte for byte another of its pictures; its lists of what overlaps are tables of no known kind.
        Assert.Equal((9896, 9891, 2, 2, 1), (ham.Files, ham.Stored, ham.Duplicates, ham.Refused, ham.Metadata));
        Assert.Equal("unknown-table", Assert.Single(ham.Refusals).Reason);

        // 2 + 78, and ISIC_0000521 again.
        Assert.Equal(81, (await DistributionAsync(host, cancellationToken)).Conflicts);
        Assert.Equal((75L, 2L, 78L), (
            await CountDisputedAsync(Diagnosis.ActinicKeratosis, Diagnosis.Nevus, $"label_state = 'settled' AND label = {DiagnosisSet.Of(Diagnosis.ActinicKeratosis).Bits}"),
            await CountDisputedAsync(Diagnosis.ActinicKeratosis, Diagnosis.Nevus, "label_state = 'conflict'"),
            await CountDisputedAsync(Diagnosis.Melanoma, Diagnosis.SeborrheicKeratosis, "label_state = 'conflict'")));

        // HAM10000 knows only bkl and akiec; the folders say which of them it is. 53 actinic keratoses were undisputed, 75 are decided, and
        // ISIC_0028619, which lay among the nevi alone, is of a lesion whose other picture lies in the right folder too.
        Assert.Equal((478, 197, 129), (
            await CountAsync(host, nine, "pigmented benign keratosis", cancellationToken),
            await CountAsync(host, nine, "squamous cell carcinoma", cancellationToken),
            await CountAsync(host, nine, "actinic keratosis", cancellationToken)));

        // Of the 122 rows whose picture is not in the pack, 112 are about a picture of the nine-class delivery, each of which they decide; 10 about none.
        const string Decided = "images.label_state = 'settled' AND images.label & ~row.diagnoses = 0";
        Assert.Equal((122L, 112L, 112L), (
            await CountLoneRowsAsync("row.isic_id"), await CountLoneRowsAsync("images.id"), await CountLoneRowsAsync($"CASE WHEN {Decided} THEN images.id END")));

        var joined = await host.QueryAsync<long>($"""
            SELECT count(*) FROM (
                SELECT group_id FROM images JOIN delivery_files ON image_id = images.id WHERE delivery_files.delivery_id IN ('{nine.DeliveryId}', '{ham.DeliveryId}')
                GROUP BY group_id HAVING count(DISTINCT delivery_files.delivery_id) = 2) AS lesions
            """, cancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{joined} lesions have pictures in both collections");
        Assert.InRange(joined, 990, 1000);

        Task<long> CountDisputedAsync(Diagnosis one, Diagnosis other, string condition) => host.QueryAsync<long>($"""
            SELECT count(*) FROM images WHERE ({condition})
                AND (SELECT bit_or(diagnoses) FROM label_claims WHERE image_id = images.id AND claimed_by = 'folder') = {DiagnosisSet.Of(one, other).Bits}
            """, cancellationToken);

        Task<long> CountLoneRowsAsync(string what) => host.QueryAsync<long>($"""
            SELECT count(DISTINCT {what}) FROM metadata_rows AS row LEFT JOIN image_isic_ids ON image_isic_ids.isic_id = row.isic_id LEFT JOIN images ON images.id = image_id
            WHERE row.isic_id NOT IN (SELECT substring(path FROM 'ISIC_[0-9]+') FROM delivery_files WHERE delivery_id = '{ham.DeliveryId}' AND image_id IS NOT NULL)
            """, cancellationToken);
    }

    private static async Task AssertLeaksAsync(IngestionHost host, Delivery nine, CancellationToken cancellationToken)
    {
        var again = await host.Catalog.GetDeliveryAsync(new GetDeliveryRequest { DeliveryId = nine.DeliveryId }, cancellationToken: cancellationToken);
        var honest = await CreateAsync(host, DatasetKind.Honest, cancellationToken);
        Assert.Contains(Leaks(copies: 18, others: 26, clean: 74), again.Findings);
        Assert.Contains(Leaks(copies: 18, others: 26, clean: 74), honest.Rules);

        // By lesion ids alone 39 share a lesion: those 26, and 13 of the copies; the other 5 copies have no lesion id.
        Assert.Equal(39, await host.QueryAsync<long>("""
            WITH delivered AS (
                SELECT image_id, folder_split, lesion_id FROM delivery_files JOIN image_isic_ids USING (image_id) JOIN metadata_rows USING (isic_id) WHERE folder_split IS NOT NULL)
            SELECT count(DISTINCT image_id) FROM delivered AS test
            WHERE folder_split = 'test' AND EXISTS (SELECT FROM delivered WHERE folder_split = 'train' AND delivered.lesion_id = test.lesion_id)
            """, cancellationToken));
        Assert.Equal((12010, 81, 0), (honest.Images, honest.Parked, honest.GroupsInTwoSplits));
        Assert.Equal(0, await host.QueryAsync<long>($"""
            SELECT count(*) FROM (
                SELECT images.group_id FROM dataset_items JOIN images ON images.id = image_id WHERE dataset_id = {honest.DatasetId}
                GROUP BY images.group_id HAVING count(DISTINCT split) > 1) AS divided
            """, cancellationToken));
        Assert.Equal(0, await host.QueryAsync<long>($"""
            SELECT count(*) FROM dataset_items JOIN images ON images.id = image_id
            WHERE dataset_id = {honest.DatasetId} AND split <> 'test' AND images.group_id IN (
                SELECT images.group_id FROM images JOIN delivery_files ON image_id = images.id WHERE folder_split = 'test')
            """, cancellationToken));
    }

    /// <summary>All 80 files of the folder are a tail of the melanoma list: one act settles them, and with ISIC_0010990 the other picture of its lesion.</summary>
    private static async Task SettleTheRunAsync(IngestionHost host, CancellationToken cancellationToken)
    {
        var before = await DistributionAsync(host, cancellationToken);
        var outcome = await host.Reviews.SettleImagesAsync(
            new SettleImagesRequest { Selection = new ImageSelection { Folder = "seborrheic keratosis" }, Diagnoses = { "melanoma" }, Comment = "A tail of the melanoma list." },
            cancellationToken: cancellationToken);
        var after = await DistributionAsync(host, cancellationToken);

        Assert.Equal((80, 78, 2), (outcome.Images, outcome.ClosedItems, outcome.OpenItems));
        Assert.Equal((81, 2), (before.Conflicts, after.Conflicts));
        Assert.Equal((2, 0), (CountOf(before, "seborrheic keratosis"), CountOf(after, "seborrheic keratosis")));
        Assert.Equal(CountOf(before, "melanoma") + 80 + 1, CountOf(after, "melanoma"));
        var settled = await CreateAsync(host, DatasetKind.Honest, cancellationToken);
        Assert.Equal((12089, 2, 0), (settled.Images, settled.Parked, settled.GroupsInTwoSplits));

        var log = await host.Reviews.ListDecisionsAsync(new ListDecisionsRequest(), cancellationToken: cancellationToken);
        Assert.Equal(("settle", 80, "A tail of the melanoma list."), (log.Decisions.Single().Action, log.Decisions[0].Images, log.Decisions[0].Comment));
    }

    private static string Leaks(int copies, int others, int clean) =>
        $"Of the 118 distinct images delivered in a Test folder, {copies} are byte copies of images delivered in a Train folder, {others} others share a lesion with one, "
        + $"and {clean} are clean; every lesion of a Test folder is test, so that nothing of it is trained on.";

    private static async Task<Dataset> CreateAsync(IngestionHost host, DatasetKind kind, CancellationToken cancellationToken) =>
        await host.Datasets.CreateDatasetAsync(new CreateDatasetRequest { Kind = kind }, cancellationToken: cancellationToken);

    private static async Task<ClassDistribution> DistributionAsync(IngestionHost host, CancellationToken cancellationToken) =>
        await host.Catalog.GetClassDistributionAsync(new GetClassDistributionRequest(), cancellationToken: cancellationToken);

    private static int CountOf(ClassDistribution distribution, string diagnosis) => distribution.Classes.Single(row => row.Diagnosis == diagnosis).Count;

    private static async Task<int> CountAsync(IngestionHost host, Delivery delivery, string diagnosis, CancellationToken cancellationToken) =>
        (await host.Catalog.ListImagesAsync(
            new ListImagesRequest { DeliveryId = delivery.DeliveryId, Diagnosis = diagnosis, PageSize = 1000 }, cancellationToken: cancellationToken)).Images.Count;
}
