using CsCheck;
using Melanoma.Contracts;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Storage.Datasets;

namespace Melanoma.UnitTests.Ingestion;

public sealed class DeliveryPathTests
{
    [Theory]
    [InlineData("Train/nevus/ISIC_0000001.jpg", Diagnosis.Nevus, Split.Train)]
    [InlineData("isic9/Test/melanoma/a.jpg", Diagnosis.Melanoma, Split.Test)]
    [InlineData("isic9.zip/TRAIN/Basal Cell Carcinoma/a.jpg", Diagnosis.BasalCellCarcinoma, Split.Train)]
    [InlineData(@"Train\vascular lesion\a.jpg", Diagnosis.VascularLesion, Split.Train)]
    [InlineData("Train/nevus/clinic 3/a.jpg", Diagnosis.Nevus, Split.Train)]
    [InlineData("dermatofibroma/a.jpg", Diagnosis.Dermatofibroma, null)]
    [InlineData("Test/a.jpg", null, Split.Test)]
    [InlineData("images/a.jpg", null, null)]
    [InlineData("./a.jpg", null, null)]
    public void Should_read_split_and_class_when_the_folders_say_them(string text, Diagnosis? diagnosis, Split? split)
    {
        Assert.True(DeliveryPath.TryParse(text, out var path, out _));

        Assert.Equal(diagnosis, path.Diagnosis);
        Assert.Equal(split, path.Split);
    }

    [Theory]
    [InlineData("Train/unicorn/a.jpg", RefusalKinds.UnknownClass)]
    [InlineData("Train/nevus/../../a.jpg", RefusalKinds.BadPath)]
    [InlineData("/etc/passwd", RefusalKinds.BadPath)]
    [InlineData(@"C:\Users\a.jpg", RefusalKinds.BadPath)]
    [InlineData("a\0b.jpg", RefusalKinds.BadPath)]
    [InlineData("", RefusalKinds.BadPath)]
    [InlineData("//", RefusalKinds.BadPath)]
    [InlineData("Train/nevus/", RefusalKinds.BadPath)]
    [InlineData(@"Train\nevus\", RefusalKinds.BadPath)]
    [InlineData("Train/nevus/.", RefusalKinds.BadPath)]
    public void Should_refuse_when_the_path_leads_astray(string text, string kind)
    {
        Assert.False(DeliveryPath.TryParse(text, out _, out var refusal));

        Assert.Equal(kind, refusal.Kind);
    }

    [Fact]
    public void Should_name_the_known_classes_when_one_is_unknown()
    {
        Assert.False(DeliveryPath.TryParse("Train/unicorn/a.jpg", out _, out var refusal));

        Assert.All(Diagnoses.Names, name => Assert.Contains(name, refusal.Reason, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ISIC_0025509(1).jpg", new[] { "ISIC_0025509" })]
    [InlineData("isic_0025509_2.jpg", new[] { "ISIC_0025509" })]
    [InlineData("ISIC_9000123_2.jpg", new[] { "ISIC_9000123" })]
    [InlineData("IMG_0025509.jpg", new string[0])]
    public void Should_find_the_isic_id_when_the_name_has_one(string name, string[] expected)
    {
        Assert.True(DeliveryPath.TryParse(name, out var path, out _));

        Assert.Equal(expected, path.IsicIds);
    }

    [Theory]
    [InlineData("__MACOSX/Train/nevus/._a.jpg", true)]
    [InlineData("Train/.DS_Store", true)]
    [InlineData("Train/nevus/Thumbs.db", true)]
    [InlineData("Train/nevus/", false)]
    [InlineData("", false)]
    [InlineData("Train/nevus/a.jpg", false)]
    public void Should_pass_over_what_file_managers_leave_behind(string path, bool expected) => Assert.Equal(expected, DeliveryPath.IsLitter(path));

    [Fact]
    public void Should_give_the_report_a_storable_path_when_any_text_is_sent() =>
        Gen.Select(Gen.String, Gen.Int[1, 400]).Sample((text, times) =>
        {
            var sent = string.Concat(Enumerable.Repeat(text, times));
            foreach (var reported in new[] { DeliveryPath.ForReport(sent), DeliveryPath.ForReport(sent, " [file 2]") })
            {
                Assert.InRange(reported.Length, 1, DeliveryPath.MaxLength);
                Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(reported), 1, 2400);
                Assert.DoesNotContain(reported, char.IsControl);
            }
        }, iter: 200);
}
