using Melanoma.Contracts;
using Melanoma.Ingestion.Tables;
using Melanoma.Storage.Catalogue;

namespace Melanoma.UnitTests.Ingestion.Tables;

public sealed class TableKindTests
{
    private const string Ham = "lesion_id,image_id,dx,dx_type,age,sex,localization\n";
    private const string Gt2018 = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n";
    private const string Gt2019 = "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n";
    private const string Gt2017 = "image_id,melanoma,seborrheic_keratosis\n";

    private static readonly DiagnosisSet Bkl = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis);
    private static readonly DiagnosisSet Akiec = DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma);

    [Fact]
    public async Task Should_read_metadata_of_ham10000()
    {
        var row = await TableTexts.RowAsync(Ham + "HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp");

        Assert.Equal(new TableRow(2, "ISIC_0027419")
        {
            Diagnoses = Bkl,
            Rank = ClaimRank.Histopathology,
            LesionId = "HAM_0000118",
            AgeYears = 80,
            Sex = "male",
            Site = "head/neck",
            Licence = "CC-BY-NC-4.0",
            Attribution = row.Attribution,
            Source = "HAM10000",
        }, row);
        Assert.Contains("Tschandl", row.Attribution, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("akiec", "consensus", new[] { Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma }, ClaimRank.Curated)]
    [InlineData("NV", "follow_up", new[] { Diagnosis.Nevus }, ClaimRank.Curated)]
    [InlineData("mel", "Histo", new[] { Diagnosis.Melanoma }, ClaimRank.Histopathology)]
    [InlineData("unicorn", "histo", null, ClaimRank.Histopathology)]
    public async Task Should_claim_what_the_word_leaves_open_when_ham10000_says_it(string dx, string type, Diagnosis[]? expected, ClaimRank rank)
    {
        var row = await TableTexts.RowAsync(Ham + $"HAM_1,ISIC_0027419,{dx},{type},,unknown,unknown");

        Assert.Equal((expected is null ? null : DiagnosisSet.Of(expected), rank), (row.Diagnoses, row.Rank));
        Assert.Equal((null, null, null, "HAM_1"), (row.AgeYears, row.Sex, row.Site, row.LesionId));
        Assert.Equal(expected is null ? ["The diagnosis 'unicorn' is none of the words of docs/vocabularies.md and claims nothing."] : [], row.Remarks);
    }

    [Theory]
    [InlineData(Gt2018, "ISIC_0024306,0.0,1.0,0.0,0.0,0.0,0.0,0.0", new[] { Diagnosis.Nevus })]
    [InlineData(Gt2018, "ISIC_0024306,0,0,0,1,0,0,0", new[] { Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma })]
    [InlineData(Gt2018, "ISIC_0024306,0,0,0,0,0,0,0", null)]
    [InlineData(Gt2019, "ISIC_0000000_downsampled,0,0,0,1,0,0,0,0,0", new[] { Diagnosis.ActinicKeratosis })]
    [InlineData(Gt2019, "ISIC_0024306,0,0,0,0,1,0,0,0,0", new[] { Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis })]
    [InlineData(Gt2019, "ISIC_0024306,0,0,0,0,0,0,0,0,1", null)]
    [InlineData(Gt2017, "ISIC_0000003,1.0,0.0", new[] { Diagnosis.Melanoma })]
    [InlineData(Gt2017, "ISIC_0000003,0.0,1.0", new[] { Diagnosis.SeborrheicKeratosis })]
    [InlineData(Gt2017, "ISIC_0000003,0.0,0.0", new[] { Diagnosis.Nevus })]
    public async Task Should_claim_the_column_with_the_one_when_ground_truth_is_read(string header, string line, Diagnosis[]? expected)
    {
        var row = await TableTexts.RowAsync(header + line);

        Assert.Equal(expected is null ? null : DiagnosisSet.Of(expected), row.Diagnoses);
        Assert.Equal((line[..12], ClaimRank.Curated), (row.IsicId, row.Rank));
    }

    [Theory]
    [InlineData(Gt2018, "ISIC_0024306,1,1,0,0,0,0,0", "2 ones")]
    [InlineData(Gt2019, "ISIC_0024306,1,0,0,0,0,0,0,0,1", "2 ones")]
    [InlineData(Gt2017, "ISIC_0024306,1,1", "2 ones")]
    [InlineData(Gt2018, "ISIC_0024306,0.7,0.3,0,0,0,0,0", "not 0 or 1")]
    [InlineData(Gt2018, "ISIC_0024306,1,0,0,0,0,0", "7 fields and the header 8")]
    [InlineData(Gt2018, "IMG_0024306,1,0,0,0,0,0,0", "not an ISIC id")]
    [InlineData(Gt2018, "ISIC_00243061,1,0,0,0,0,0,0", "not an ISIC id")]
    public async Task Should_refuse_a_row_when_it_is_no_ground_truth(string header, string line, string reason)
    {
        var good = "ISIC_1234567,1" + string.Concat(Enumerable.Repeat(",0", header.Count(c => c == ',') - 1));
        var entries = await TableTexts.ReadAsync($"{header}{line}\n{good}");

        var refused = Assert.IsType<RefusedRow>(entries[0]);
        Assert.Equal(2, refused.LineNumber);
        Assert.Contains(reason, refused.Reason, StringComparison.Ordinal);
        Assert.IsType<TableRow>(entries[1]);
    }

    [Fact]
    public async Task Should_read_an_export_of_the_isic_archive()
    {
        var row = await TableTexts.RowAsync(
            "isic_id,attribution,copyright_license,age_approx,anatom_site_general,benign_malignant,diagnosis,diagnosis_1,diagnosis_2,diagnosis_3,"
            + "diagnosis_confirm_type,fitzpatrick_skin_type,image_type,lesion_id,patient_id,sex\r\n"
            + "ISIC_0036047,\"ViDIR Group, Department of Dermatology\",CC-BY-NC,85+,posterior torso,benign,nevus,Benign,Benign melanocytic proliferations,Nevus,"
            + "histopathology,II,clinical: close-up,IL_4061949,IP_1,female\r\n");

        Assert.Equal(new TableRow(2, "ISIC_0036047")
        {
            Diagnoses = DiagnosisSet.Of(Diagnosis.Nevus),
            Rank = ClaimRank.Histopathology,
            LesionId = "IL_4061949",
            PatientId = "IP_1",
            AgeYears = 85,
            Sex = "female",
            Site = "posterior torso",
            SkinTone = "II",
            Licence = "CC-BY-NC-4.0",
            Attribution = "ViDIR Group, Department of Dermatology",
            Source = "ISIC Archive",
        }, row);
    }

    [Theory]
    [InlineData("", "", "", "melanoma", "", "melanoma")]
    [InlineData("Malignant", "Malignant melanocytic proliferations (Melanoma)", "Melanoma Invasive", "", "", "melanoma")]
    [InlineData("Indeterminate", "Indeterminate epidermal proliferations", "Solar or actinic keratosis", "", "", "actinic keratosis")]
    [InlineData("Malignant", "Malignant adnexal epithelial proliferations - Follicular", "Basal cell carcinoma", "", "malignant", "basal cell carcinoma")]
    [InlineData("Benign", "Benign epidermal proliferations", "Solar lentigo", "", "", "pigmented benign keratosis or seborrheic keratosis")]
    [InlineData("", "", "", "", "malignant", "basal cell carcinoma or melanoma or squamous cell carcinoma")]
    [InlineData("", "", "", "", "benign", "actinic keratosis or dermatofibroma or nevus or pigmented benign keratosis or seborrheic keratosis or vascular lesion")]
    [InlineData("Malignant", "Malignant epidermal proliferations", "", "", "", "basal cell carcinoma or melanoma or squamous cell carcinoma")]
    [InlineData("Malignant", "Merkel cell proliferation", "Merkel cell carcinoma", "", "malignant", null)]
    [InlineData("", "", "", "acrochordon", "benign", null)]
    [InlineData("", "", "", "other", "benign", null)]
    [InlineData("", "", "", "", "indeterminate", null)]
    [InlineData("Benign", "", "Nevus", "melanoma", "", null)]
    public async Task Should_claim_no_more_than_the_words_when_the_archive_says_them(
        string first, string second, string third, string older, string malignancy, string? expected)
    {
        var row = await TableTexts.RowAsync(
            "isic_id,copyright_license,diagnosis_1,diagnosis_2,diagnosis_3,diagnosis,benign_malignant\n"
            + $"ISIC_0036047,CC-0,{first},{second},{third},{older},{malignancy}\n");

        Assert.Equal(expected, row.Diagnoses?.ToString());
        Assert.Equal(expected is null && malignancy != "indeterminate", row.Remarks.Count > 0);
    }

    [Theory]
    [InlineData("isic_id", "isic_0036047", "nevus", "nevus")]
    [InlineData("file", "Train/nevus/ISIC_0036047(1).jpg", "Pigmented Benign Keratosis | seborrheic keratosis", "pigmented benign keratosis or seborrheic keratosis")]
    [InlineData("file", @"Train\nevus\ISIC_0036047.JPG", "nevus|freckle", null)]
    [InlineData("isic_id", "ISIC_0036047", "", null)]
    public async Task Should_read_a_plain_table_when_it_has_an_id_or_a_file(string column, string id, string diagnosis, string? expected)
    {
        var row = await TableTexts.RowAsync($"diagnosis;{column};skin_tone;licence;note\n{diagnosis};{id};3;Hospital X, research only;a");

        Assert.Equal(("ISIC_0036047", expected, ClaimRank.Curated), (row.IsicId, row.Diagnoses?.ToString(), row.Rank));
        Assert.Equal(("III", "Hospital X, research only"), (row.SkinTone, row.Licence));
    }

    [Theory]
    [InlineData("121")]
    [InlineData("-1")]
    [InlineData("NaNa")]
    [InlineData("1e1")]
    public async Task Should_leave_an_age_out_when_nobody_can_be_that_old(string age)
    {
        var row = await TableTexts.RowAsync($"isic_id,diagnosis,age\nISIC_0036047,nevus,{age}");

        Assert.Null(row.AgeYears);
        Assert.Single(row.Remarks);
    }

    [Theory]
    [InlineData("lesion_id,image_id,dx,age,sex,localization", "HAM10000 metadata, which needs dx_type too")]
    [InlineData("image;MEL;NV;BCC;AKIEC;BKL", "ISIC 2018 ground truth, which needs DF and VASC too")]
    [InlineData("isic_id,fold", "label table, which needs diagnosis too")]
    [InlineData("name,colour", "A table is one of: HAM10000 metadata (lesion_id,")]
    public async Task Should_name_the_nearest_kind_when_columns_are_missing(string header, string expected) =>
        Assert.Contains(expected, await TableTexts.RefusalAsync(header + "\n1,2,3\n"), StringComparison.Ordinal);

    [Fact]
    public async Task Should_recognise_a_kind_when_columns_come_in_any_order_and_case_among_others()
    {
        var row = await TableTexts.RowAsync(
            "\uFEFF\"SEX\"\tlocalization\tfold\tIMAGE_ID\tlesion_id\tDx\tdx_type\tage\nmale\tback\t1\tISIC_0036047\tHAM_1\takiec\thisto\t5");

        Assert.Equal(Akiec, row.Diagnoses);
    }

    [Fact]
    public async Task Should_give_every_row_when_an_id_comes_twice()
    {
        var entries = await TableTexts.ReadAsync("isic_id,diagnosis\nISIC_0036047,nevus\nISIC_0036047,melanoma\n,\n\nISIC_0036047,nevus\n");

        Assert.Equal([(2, "nevus"), (3, "melanoma"), (6, "nevus")], entries.Cast<TableRow>().Select(row => (row.LineNumber, row.Diagnoses!.Value.ToString())));
    }
}
