using System.Diagnostics;
using CsCheck;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Ingestion.Shortcuts;

namespace Melanoma.UnitTests.Ingestion.Shortcuts;

public sealed class ShortcutAnalysisTests
{
    [Fact]
    public void Should_warn_in_words_when_two_classes_come_from_another_collection()
    {
        var images = Draw(3000, 1, (diagnosis, random) =>
            diagnosis is Diagnosis.Melanoma or Diagnosis.Nevus || random.NextDouble() > 0.98 ? "archive" : "HAM10000");

        var report = ShortcutAnalysis.Analyse(images);

        var source = report.Properties[0];
        Assert.Equal("source", source.Name);
        Assert.InRange(source.CramersV, 0.93, 0.99);
        Assert.Equal("no melanoma and no nevus comes from HAM10000, 98 % of the other classes do", source.Sentence);
        Assert.Contains(source.Sentence, report.Warnings[0], StringComparison.Ordinal);
        Assert.All(report.Properties.Skip(1), property => Assert.InRange(property.Strength, 0, 0.1));
        Assert.Contains("melanoma (0.", report.Warnings[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Should_find_a_number_when_one_class_is_compressed_less()
    {
        var images = Draw(2000, 2, (_, _) => "one", (diagnosis, random) => diagnosis == Diagnosis.Nevus ? random.Next(90, 96) : 75);

        var report = ShortcutAnalysis.Analyse(images);

        var quality = report.Properties.Single(property => property.Name == "JPEG quality");
        Assert.Equal(DiagnosisSet.Of(Diagnosis.Nevus), quality.StrongestClass);
        Assert.Equal(1, quality.StrongestV, 0.001);
        Assert.Equal("no nevus has a JPEG quality below 90, all of the other classes do", quality.Sentence);
        Assert.Equal(0, report.Properties.Single(property => property.Name == "source").Strength);
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("source", StringComparison.Ordinal));
    }

    [Fact]
    public void Should_be_at_chance_and_silent_when_classes_are_dealt_at_random() => Gen.Int.Sample(
        seed =>
        {
            var images = Draw(3000, seed, (_, random) => $"collection {random.Next(5)}", (_, random) => random.Next(70, 96));
            var report = ShortcutAnalysis.Analyse(images);
            Assert.Equal(1 / 9.0, report.ChanceBalancedAccuracy, 1e-9);
            Assert.InRange(report.ClassifierBalancedAccuracy, 0.07, 0.16);
            Assert.All(report.ClassifierAucs, auc => Assert.InRange(auc.Auc, 0.4, 0.6));
            Assert.All(report.Properties, property => Assert.InRange(property.Strength, 0, 0.12));
            Assert.Empty(report.Warnings);
        },
        iter: 12);

    [Fact]
    public void Should_say_the_same_when_images_are_shuffled() => Gen.Int.Sample(
        seed =>
        {
            var images = Draw(
                500,
                seed,
                (diagnosis, random) => $"collection {(random.Next(3) + (int)diagnosis) / 3}",
                (diagnosis, random) => random.Next(70, 80) + (int)diagnosis);
            var shuffled = (ShortcutImage[])images.Clone();
            new Random(seed).Shuffle(shuffled);
            var (one, other) = (ShortcutAnalysis.Analyse(images), ShortcutAnalysis.Analyse(shuffled));
            Assert.Equal(one.Properties, other.Properties);
            Assert.Equal(one.ClassifierAucs, other.ClassifierAucs);
            Assert.Equal(one.Warnings, other.Warnings);
            Assert.Equal(one.ClassifierBalancedAccuracy, other.ClassifierBalancedAccuracy);
        },
        iter: 12);

    [Fact]
    public void Should_not_invent_a_shortcut_when_a_collection_names_labels_coarsely()
    {
        var fine = Draw(2000, 4, (_, _) => "fine");
        var coarse = Draw(2000, 5, (_, _) => "coarse").Select(image => image with { Label = Coarse(image.Label) });

        var report = ShortcutAnalysis.Analyse([.. fine, .. coarse]);

        Assert.InRange(report.Properties.Single(property => property.Name == "source").Strength, 0, 0.1);
        Assert.Empty(report.Warnings);
        var alone = ShortcutAnalysis.Analyse([.. coarse]);
        Assert.Contains(alone.ClassifierAucs, auc => auc.Class == Coarse(DiagnosisSet.Of(Diagnosis.SeborrheicKeratosis)));
        Assert.Equal(7, alone.ClassifierAucs.Count);
    }

    [Fact]
    public void Should_answer_when_there_is_nothing_to_tell_apart()
    {
        var empty = ShortcutAnalysis.Analyse([]);
        var one = ShortcutAnalysis.Analyse([new(DiagnosisSet.Of(Diagnosis.Nevus), Guid.Empty, null, null, 10, 10, null, null)]);

        Assert.All(new[] { empty, one }, report =>
        {
            Assert.Equal((1, 1), (report.ClassifierBalancedAccuracy, report.ChanceBalancedAccuracy));
            Assert.Empty(report.Warnings);
            Assert.All(report.Properties, property => Assert.Equal(0, property.Strength));
        });
    }

    [Fact]
    public void Should_bear_a_hundred_thousand_images_when_they_all_differ() => Bear(100_000, TimeSpan.FromMinutes(1));

    [Fact]
    [Trait("form", "long")]
    public void Should_bear_a_million_images_when_they_all_differ() => Bear(1_000_000, TimeSpan.FromMinutes(2));

    private static void Bear(int count, TimeSpan limit)
    {
        var images = Draw(count, 6, (_, random) => $"collection {random.Next(200)}", (_, random) => random.Next(1, 101));
        var clock = Stopwatch.StartNew();

        ShortcutAnalysis.Analyse(images);

        TestContext.Current.TestOutputHelper?.WriteLine($"{count} images: {clock.Elapsed.TotalSeconds:0.0} s, {GC.GetTotalMemory(false) >> 20} MiB held");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, limit);
    }

    private static DiagnosisSet Coarse(DiagnosisSet label)
    {
        var keratosis = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis, Diagnosis.SeborrheicKeratosis);
        var keratinocyte = DiagnosisSet.Of(Diagnosis.ActinicKeratosis, Diagnosis.SquamousCellCarcinoma);
        return label.Meets(keratosis) ? keratosis : label.Meets(keratinocyte) ? keratinocyte : label;
    }

    private static ShortcutImage[] Draw(int count, int seed, Func<Diagnosis, Random, string> source, Func<Diagnosis, Random, int>? jpegQuality = null)
    {
        var random = new Random(seed);
        var images = new ShortcutImage[count];
        var bytes = new byte[16];
        for (var i = 0; i < count; i++)
        {
            // Every third image shares its lesion, and so its class, with the one before.
            if (i % 3 != 0 || i == 0)
                random.NextBytes(bytes);
            var diagnosis = (Diagnosis)(i % 3 == 0 && i > 0 ? (int)images[i - 1].Label.Sole : random.Next(9));
            var properties = new ImageProperties(
                jpegQuality?.Invoke(diagnosis, random) ?? 75, random.Next(3), ChromaSubsampling.Quarter,
                random.NextDouble(), random.NextDouble(), random.NextDouble());
            images[i] = new(
                DiagnosisSet.Of(diagnosis), new Guid(bytes), source(diagnosis, random), "CC-BY-NC", 180 + random.Next(3), 180, random.NextDouble(), properties);
        }

        return images;
    }
}
