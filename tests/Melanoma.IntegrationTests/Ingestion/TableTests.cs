using System.Globalization;
using System.Text;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class TableTests(TestServers servers)
{
    private const string HamHeader = "lesion_id,image_id,dx,dx_type,age,sex,localization\n";

    // The folder says the class, the table the set that it is in, or another class.
    private static readonly (string Path, byte[] Bytes)[] Pictures =
    [
        ("Train/pigmented benign keratosis/ISIC_0000001.jpg", HostileFiles.Picture(1)),
        ("Train/squamous cell carcinoma/ISIC_0000002.jpg", HostileFiles.Picture(2)),
        ("Train/nevus/ISIC_0000003.jpg", HostileFiles.Picture(3)),
        ("ISIC_0000004.jpg", HostileFiles.Picture(4)),
        ("Train/nevus/ISIC_0000005.jpg", HostileFiles.Picture(5)),
    ];

    private static readonly byte[] Ham = Encoding.UTF8.GetBytes(HamHeader + """
        HAM_0000001,ISIC_0000001,bkl,histo,80.0,male,scalp
        HAM_0000002,ISIC_0000002,akiec,histo,65.0,female,face
        HAM_0000003,ISIC_0000003,mel,histo,50.0,female,back
        HAM_0000003,ISIC_0000004,mel,histo,50.0,female,back
        HAM_0000005,not an id,nv,follow_up,45.0,male,back
        HAM_0000006,ISIC_0000006,something new,follow_up,45.0,male,back

        """);

    [Theory]
    [InlineData("table first")]
    [InlineData("table last")]
    [InlineData("table in an archive with the pictures")]
    [InlineData("table in an earlier delivery")]
    [InlineData("table in a later delivery")]
    public async Task Should_give_the_same_labels_when_the_table_comes_in_any_order(string order)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        (string Path, byte[] Bytes) table = ("tables/HAM10000_metadata.csv", Ham);

        (string Path, byte[] Bytes)[][] deliveries = order switch
        {
            "table first" => [[table, .. Pictures]],
            "table last" => [[.. Pictures, table]],
            "table in an archive with the pictures" => [[("all.zip", HostileFiles.Zip([table, .. Pictures]))]],
            "table in an earlier delivery" => [[table], [.. Pictures]],
            _ => [[.. Pictures], [table]],
        };
        var files = new List<DeliveryFile>();
        foreach (var delivery in deliveries)
            files.AddRange((await host.FilesAsync((await host.DeliverAsync(order, delivery, cancellation)).DeliveryId, cancellation)).Values);

        var line = Assert.Single(files, file => file.Outcome == FileOutcome.Metadata);
        Assert.Equal(
            "HAM10000 metadata: 5 rows taken, 1 refused (line 6: The image_id is not an ISIC id such as ISIC_0024306), 1 without a known diagnosis; "
            + "left out: line 7: The diagnosis 'something new' is none of the words of docs/vocabularies.md and claims nothing", line.Reason);
        Assert.False(line.HasImageId);
        Assert.Equal(6, files.Count);
        Assert.Equal(DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis).Bits, await LabelAsync(1));
        Assert.Equal(DiagnosisSet.Of(Diagnosis.SquamousCellCarcinoma).Bits, await LabelAsync(2));
        Assert.Equal(DiagnosisSet.Of(Diagnosis.Melanoma).Bits, await LabelAsync(3));
        Assert.Equal(DiagnosisSet.Of(Diagnosis.Melanoma).Bits, await LabelAsync(4));
        Assert.Equal(DiagnosisSet.Of(Diagnosis.Nevus).Bits, await LabelAsync(5));
        Assert.Equal(4, await host.QueryAsync<long>("SELECT count(DISTINCT group_id) FROM images", cancellation));
        Assert.Equal(1, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE age_years = 80 AND sex = 'male' AND licence = 'CC-BY-NC-4.0'", cancellation));

        Task<short> LabelAsync(int id) => host.QueryAsync<short>(
            $"SELECT label FROM images JOIN image_isic_ids ON image_id = images.id WHERE isic_id = 'ISIC_{id:0000000}' AND label_state = 'settled'", cancellation);
    }

    [Fact]
    public async Task Should_say_in_the_report_what_is_wrong_when_a_table_cannot_be_read()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__MaxTableBytes", "2000000"));
        var large = new StringBuilder("isic_id,diagnosis\n");
        for (var i = 0; large.Length < 1_500_000; i++)
            large.Append(CultureInfo.InvariantCulture, $"ISIC_{i:0000000},nevus\n");

        var delivery = await host.DeliverAsync("tables",
        [
            ("unknown.csv", "colour,shape\nred,round\n"u8.ToArray()),
            ("nothing.csv", Encoding.UTF8.GetBytes(HamHeader + "a,b,c,d,e,f,g\n")),
            ("large.csv", Encoding.UTF8.GetBytes(large.ToString())),
            ("too large.csv", [.. Encoding.UTF8.GetBytes(large.ToString()), .. Encoding.UTF8.GetBytes(large.ToString())]),
            ("../outside.csv", Ham),
            ("picture.csv", HostileFiles.Picture(1)),
            ("named.jpg", Ham),
        ], cancellation);

        var files = await host.FilesAsync(delivery.DeliveryId, cancellation);
        var kinds = await host.KindsAsync(delivery.DeliveryId, cancellation);
        Assert.Equal((7, 1, 0, 4, 2, 0), (delivery.Files, delivery.Stored, delivery.Duplicates, delivery.Refused, delivery.Metadata, delivery.Waiting));
        Assert.Equal("unknown-table", kinds["unknown.csv"]);
        Assert.Equal("no-rows", kinds["nothing.csv"]);
        Assert.Equal("too-large", kinds["too large.csv"]);
        Assert.Equal("bad-path", kinds["../outside.csv"]);
        Assert.Equal(FileOutcome.Metadata, files["named.jpg"].Outcome);
        Assert.Matches("^label table: [0-9]+,[0-9]{3} rows taken$", files["large.csv"].Reason);
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_join_lesions_within_a_source_or_a_delivery_only_when_plain_tables_all_count_from_one()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        await host.DeliverAsync("hospital a", TwoOfLesionOne(1, ""), cancellation);
        await host.DeliverAsync("hospital b", TwoOfLesionOne(3, ""), cancellation);
        await host.DeliverAsync("clinic, first part", TwoOfLesionOne(5, "Clinic"), cancellation);
        await host.DeliverAsync("clinic, second part", TwoOfLesionOne(7, "Clinic"), cancellation);
        await host.DeliverAsync("practice", TwoOfLesionOne(9, "Practice"), cancellation);

        Assert.Equal("1,2 3,4 5,6,7,8 9,10", await host.QueryAsync<string>("""
            SELECT string_agg(members, ' ' ORDER BY first) FROM (
                SELECT min(right(isic_id, 7)::int) AS first, string_agg(right(isic_id, 7)::int::text, ',' ORDER BY isic_id) AS members
                FROM image_isic_ids JOIN images ON images.id = image_id GROUP BY group_id) AS lesions
            """, cancellation));
    }

    [Fact]
    public async Task Should_know_what_tables_say_when_a_known_picture_comes_again_under_its_ISIC_id()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        await host.DeliverAsync("without a name", [("foo.jpg", Pictures[0].Bytes)], cancellation);
        await host.DeliverAsync("table", [("HAM10000_metadata.csv", Ham)], cancellation);
        var again = await host.DeliverAsync("with its name", [("ISIC_0000001.jpg", Pictures[0].Bytes)], cancellation);

        Assert.Equal((0, 1), (again.Stored, again.Duplicates));
        Assert.Equal("CC-BY-NC-4.0, HAM10000, 80, male, head/neck, settled", await host.QueryAsync<string>(
            "SELECT concat_ws(', ', licence, source, age_years, sex, site, label_state) FROM images", cancellation));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1500)]
    public async Task Should_park_the_lesion_when_rows_of_one_table_contradict_each_other(int rowsBetween)
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        string[] between = [.. Enumerable.Range(100, rowsBetween).Select(i => $"ISIC_{i:0000000},nevus")];

        var torn = await host.DeliverAsync("torn",
        [
            ("ISIC_0000001.jpg", HostileFiles.Picture(1)), ("ISIC_0000002.jpg", HostileFiles.Picture(2)),
            Table("isic_id,diagnosis", ["ISIC_0000001,nevus", "ISIC_0000002,nevus", .. between, "ISIC_0000001,melanoma", "ISIC_0000002,nevus", "ISIC_0000001,"]),
        ], cancellation);

        var line = (await host.FilesAsync(torn.DeliveryId, cancellation))["labels.csv"].Reason;
        Assert.EndsWith($", 1 without a known diagnosis, 1 ids whose rows contradict each other (ISIC_0000001 on line {rowsBetween + 4})", line, StringComparison.Ordinal);
        Assert.Equal("ISIC_0000001 conflict, ISIC_0000002 settled", await StatesAsync(host, cancellation));
        Assert.Equal("label table: nevus; label table (further row 1): melanoma", await ClaimsAsync(host, cancellation));
        Assert.Equal(1, await host.QueryAsync<long>("SELECT count(*) FROM review_items WHERE kind = 'conflict' AND state = 'open'", cancellation));

        // A picture that gets the id later is as disputed as the first.
        await host.DeliverAsync("another picture", [("ISIC_0000001_1.jpg", HostileFiles.Picture(3))], cancellation);
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE label_state = 'conflict'", cancellation));

        await host.DeliverAsync("corrected", [Table("isic_id,diagnosis", ["ISIC_0000001,melanoma", "ISIC_0000002,nevus"])], cancellation);
        Assert.Equal("ISIC_0000001 settled, ISIC_0000001 settled, ISIC_0000002 settled", await StatesAsync(host, cancellation));
        Assert.Equal("label table: melanoma; label table: melanoma", await ClaimsAsync(host, cancellation));
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM review_items WHERE state = 'open'", cancellation));
    }

    [Fact]
    public async Task Should_park_the_lesion_when_plain_tables_of_two_sources_contradict_each_other()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        await host.DeliverAsync("pictures", [("ISIC_0000001.jpg", HostileFiles.Picture(1)), ("ISIC_0000002.jpg", HostileFiles.Picture(2))], cancellation);
        await host.DeliverAsync("partner a", [Table("isic_id,diagnosis,source", ["ISIC_0000001,nevus,Clinic A", "ISIC_0000002,nevus,Clinic A"])], cancellation);
        await host.DeliverAsync("partner b", [Table("isic_id,diagnosis,source", ["ISIC_0000001,melanoma,Clinic B", "ISIC_0000002,nevus,Clinic B"])], cancellation);

        Assert.Equal("ISIC_0000001 conflict, ISIC_0000002 settled", await StatesAsync(host, cancellation));
        Assert.Equal("label table: Clinic A: nevus; label table: Clinic B: melanoma", await ClaimsAsync(host, cancellation));

        await host.DeliverAsync("partner b thinks again", [Table("isic_id,diagnosis,source", ["ISIC_0000001,nevus,Clinic B"])], cancellation);
        Assert.Equal("ISIC_0000001 settled, ISIC_0000002 settled", await StatesAsync(host, cancellation));
    }

    [Fact]
    public async Task Should_name_a_few_remarks_with_their_lines_when_words_are_left_out_of_rows()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var delivery = await host.DeliverAsync("remarks",
            [Table("isic_id,diagnosis,age", [.. Enumerable.Range(1, 40).Select(i => $"ISIC_{i:0000000},{(i < 10 ? $"word {i % 7}" : "nevus")},{(i < 20 ? "old" : "50")}")])], cancellation);

        var line = (await host.FilesAsync(delivery.DeliveryId, cancellation))["labels.csv"].Reason;
        Assert.StartsWith("label table: 40 rows taken, 9 without a known diagnosis; left out: 2 rows from line 2: The diagnosis 'word 1' is none", line, StringComparison.Ordinal);
        Assert.Contains("; 19 rows from line 2: The age is not a number of years from 0 to 120 and was left out; ", line, StringComparison.Ordinal);
        Assert.EndsWith("; 3 other remarks", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_not_wait_for_each_other_when_tables_and_pictures_come_in_many_deliveries_at_once()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation, ("Ingestion__Deliveries__BatchSize", "8"));
        var table = new StringBuilder("isic_id,diagnosis,lesion_id\n");
        for (var i = 0; i < 3000; i++)
            table.Append(CultureInfo.InvariantCulture, $"ISIC_{i:0000000},{Diagnoses.Names[i / 2 % 9]},lesion-{i / 2}\n");
        (string, byte[])[] tableFile = [("labels.csv", Encoding.UTF8.GetBytes(table.ToString()))];
        var pictures = Enumerable.Range(0, 120).Select(i => ($"ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))).ToList();

        await Task.WhenAll(
            host.DeliverAsync("a", [.. pictures, .. tableFile], cancellation),
            host.DeliverAsync("b", [.. tableFile, .. Enumerable.Reverse(pictures)], cancellation),
            host.DeliverAsync("c", [.. pictures.Take(60), .. tableFile, .. pictures.Skip(60)], cancellation));

        Assert.Equal(120, await host.QueryAsync<long>("SELECT count(*) FROM images WHERE label_state = 'settled'", cancellation));
        Assert.Equal(60, await host.QueryAsync<long>("SELECT count(DISTINCT group_id) FROM images", cancellation));
    }

    [Fact]
    public async Task Should_say_who_decided_and_what_is_overruled_when_claims_of_several_ranks_meet()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await IngestionHost.StartAsync(servers, cancellation);

        var delivery = await host.DeliverAsync("pictures", Pictures, cancellation);
        await AssertDecisionsAsync("", "", "", "", "");
        await host.DeliverAsync("table", [("HAM10000_metadata.csv", Ham)], cancellation);

        // The fourth is another picture of the third's lesion, the fifth has no row.
        const string Melanoma = "Decided by histopathology of HAM10000 metadata: melanoma; overrules folder: nevus.";
        const string Carcinoma = "Decided by histopathology of HAM10000 metadata: actinic keratosis or squamous cell carcinoma; narrowed down by folder: squamous cell carcinoma.";
        const string Keratosis = "Decided by histopathology of HAM10000 metadata: pigmented benign keratosis or seborrheic keratosis; narrowed down by folder: pigmented benign keratosis.";
        await AssertDecisionsAsync(Keratosis, Carcinoma, Melanoma, Melanoma, "");

        var settled = await host.Reviews.SettleImagesAsync(
            new SettleImagesRequest { Selection = new ImageSelection { FirstIsicId = "ISIC_0000002", LastIsicId = "ISIC_0000003" }, Diagnoses = { "nevus" } },
            PlayedGateway.Caller("ada"), cancellationToken: cancellation);
        await AssertDecisionsAsync(
            Keratosis,
            "Decided by reviewer ada: nevus; overrules histopathology of HAM10000 metadata: actinic keratosis or squamous cell carcinoma, folder: squamous cell carcinoma.",
            "Decided by reviewer ada: nevus; overrules histopathology of HAM10000 metadata: melanoma.",
            "Decided by reviewer ada: nevus; overrules histopathology of HAM10000 metadata: melanoma.",
            "");
        await host.Reviews.UndoDecisionAsync(new UndoDecisionRequest { DecisionId = settled.Decision.DecisionId }, cancellationToken: cancellation);
        await AssertDecisionsAsync(Keratosis, Carcinoma, Melanoma, Melanoma, "");

        async Task AssertDecisionsAsync(params string[] expected)
        {
            var files = await host.FilesAsync(delivery.DeliveryId, cancellation);
            Assert.Equal(expected, Pictures.Select(picture => files[picture.Path].Decision));
            foreach (var file in files.Values)
            {
                var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = file.ImageId }, cancellationToken: cancellation);
                Assert.Equal(file.Decision, details.Decision);
            }
        }
    }

    private static (string Path, byte[] Bytes)[] TwoOfLesionOne(int first, string source) =>
    [
        .. Enumerable.Range(first, 2).Select(i => ($"ISIC_{i:0000000}.jpg", HostileFiles.Picture(i))),
        Table("isic_id,diagnosis,lesion_id,source", Enumerable.Range(first, 2).Select(i => $"ISIC_{i:0000000},nevus,1,{source}")),
    ];

    private static (string Path, byte[] Bytes) Table(string header, IEnumerable<string> rows) =>
        ("labels.csv", Encoding.UTF8.GetBytes(string.Join('\n', rows.Prepend(header))));

    private static Task<string> StatesAsync(IngestionHost host, CancellationToken cancellationToken) => host.QueryAsync<string>(
        "SELECT string_agg(isic_id || ' ' || label_state, ', ' ORDER BY isic_id) FROM image_isic_ids JOIN images ON images.id = image_id", cancellationToken);

    // Of the pictures of ISIC_0000001.
    private static async Task<string> ClaimsAsync(IngestionHost host, CancellationToken cancellationToken)
    {
        var claims = await host.QueryAsync<string[]>("""
            SELECT array_agg(claimed_by || ': ' || diagnoses ORDER BY claimed_by COLLATE "C") FROM label_claims JOIN image_isic_ids USING (image_id) WHERE isic_id = 'ISIC_0000001'
            """, cancellationToken);
        return string.Join("; ", claims.Select(claim =>
        {
            var at = claim.LastIndexOf(' ');
            return $"{claim[..at]} {new DiagnosisSet(short.Parse(claim[at..], CultureInfo.InvariantCulture))}";
        }));
    }
}
