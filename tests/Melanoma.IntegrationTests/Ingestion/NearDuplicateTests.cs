using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Near-duplicates among real dermoscopy, through the service. Each takes in a whole pack, so they are of the long form; more kinds of copies, and what each costs, are the benchmark's.</summary>
public sealed class NearDuplicateTests(TestServers servers)
{
    private const string Ham = "ham10000-200x150.zip";
    private const string Crops = "ham10000-224.zip";

    [Fact]
    [Trait("form", "long")]
    public async Task Should_report_copies_of_every_kind_and_join_their_lesions_when_they_are_planted_among_HAM10000()
    {
        const int Originals = 30;
        var cancellation = TestContext.Current.CancellationToken;
        var pack = SharedData.Require(Ham);
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var ham = await host.DeliverAsync(Ham, [(Ham, await File.ReadAllBytesAsync(pack, cancellation))], cancellation);
        var imageOf = await ImagesByPathAsync(host, ham, cancellation);
        var originals = PicturePack.Draw(pack, Originals, seed: 4).Select(original => (imageOf[$"{Ham}/images/{original.IsicId}.jpg"], original.Bytes)).ToArray();
        var copies = originals.SelectMany((original, number) => PictureCopies.Kinds.Select((kind, n) =>
            (Path: $"copy {number} {n}.jpg", Original: original.Item1, kind.Kind, Bytes: kind.Make(Decode(original.Bytes))))).ToArray();

        var planted = await host.DeliverAsync("copies", copies.Select(copy => (copy.Path, copy.Bytes)), cancellation);
        var copyOf = await ImagesByPathAsync(host, planted, cancellation);
        var lesionOf = await LesionsAsync(host, cancellation);
        foreach (var copy in copies)
            lesionOf[copyOf[copy.Path]] = lesionOf[copy.Original];

        var found = new Dictionary<string, int>();
        var unrelated = 0;
        foreach (var copy in copies)
        {
            var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = copyOf[copy.Path] }, cancellationToken: cancellation);
            var isFound = details.NearDuplicates.Any(near => near.ImageId == copy.Original) && details.GroupImages.Contains(copy.Original);
            found[copy.Kind] = found.GetValueOrDefault(copy.Kind) + (isFound ? 1 : 0);
            unrelated += details.NearDuplicates.Count(near => lesionOf[near.ImageId] != lesionOf[copy.Original]);
        }

        Say($"Found of {Originals}: {string.Join(", ", found.Select(kind => $"{kind.Key} {kind.Value}"))}; {unrelated} pairs of different lesions");
        Assert.Equal(copies.Length, planted.Stored);
        Assert.All(found, kind => Assert.InRange(kind.Value, Originals - 1, Originals));
        Assert.InRange(found.Values.Sum(), 98 * copies.Length / 100, copies.Length);
        Assert.InRange(unrelated, 0, 1);
    }

    [Fact]
    [Trait("form", "long")]
    public async Task Should_find_the_pictures_of_all_crops_when_no_name_has_an_ISIC_id()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var (pack, crops) = (SharedData.Require(Ham), SharedData.Require(Crops));
        var lesions = PicturePack.ReadLesions(pack);
        await using var host = await IngestionHost.StartAsync(servers, cancellation);
        var whole = await DeliverUnnamedAsync(host, "whole", PicturePack.Read(pack), cancellation);
        var cropped = await DeliverUnnamedAsync(host, "cropped", PicturePack.Read(crops), cancellation);

        // Two ids share a picture byte for byte: each of them is right.
        var idsOf = whole.ToLookup(picture => picture.ImageId, picture => picture.IsicId);
        int found = 0, same = 0, other = 0;
        foreach (var (id, image) in cropped)
        {
            var details = await host.Catalog.GetImageAsync(new GetImageRequest { ImageId = image }, cancellationToken: cancellation);
            var pairs = details.NearDuplicates.Where(near => idsOf.Contains(near.ImageId)).Select(near => idsOf[near.ImageId]).ToList();
            found += pairs.Any(ids => ids.Contains(id)) ? 1 : 0;
            same += pairs.Count(ids => !ids.Contains(id) && ids.Any(whose => lesions[whose] == lesions[id]));
            other += pairs.Count(ids => !ids.Any(whose => lesions[whose] == lesions[id]));
        }

        // Pairs of two ids of one lesion count as false here, though most show the same skin.
        Say($"{found} of {cropped.Count} crops found; {same} other pairs of one lesion, {other} of two");
        Assert.InRange((double)found / cropped.Count, 0.95, 1);
        Assert.InRange((double)found / (found + same + other), 0.97, 1);
    }

    /// <summary>Delivers pictures under numbers, and gives the image of each ISIC id.</summary>
    private static async Task<IReadOnlyCollection<(string IsicId, string ImageId)>> DeliverUnnamedAsync(
        IngestionHost host, string name, IEnumerable<(string Path, string IsicId, byte[] Bytes)> pictures, CancellationToken cancellationToken)
    {
        var ids = new List<string>();
        var delivery = await host.DeliverAsync(name, pictures.Select(picture =>
        {
            ids.Add(picture.IsicId);
            return ($"{name} {ids.Count - 1}.jpg", picture.Bytes);
        }), cancellationToken);
        Assert.Equal(ids.Count, delivery.Stored + delivery.Duplicates);
        var images = await ImagesByPathAsync(host, delivery, cancellationToken);
        return [.. ids.Select((id, number) => (id, images[$"{name} {number}.jpg"]))];
    }

    private static async Task<Dictionary<string, string>> ImagesByPathAsync(IngestionHost host, Delivery delivery, CancellationToken cancellationToken) =>
        (await host.FilesAsync(delivery.DeliveryId, cancellationToken)).Where(file => file.Value.HasImageId).ToDictionary(file => file.Key, file => file.Value.ImageId);

    /// <summary>The lesion of each image, as the delivered table has it.</summary>
    private static async Task<Dictionary<string, string>> LesionsAsync(IngestionHost host, CancellationToken cancellationToken)
    {
        var lesions = new Dictionary<string, string>();
        await using var command = host.Database.CreateCommand("SELECT DISTINCT ON (image_id) image_id, lesion_id FROM image_isic_ids JOIN metadata_rows USING (isic_id) ORDER BY image_id, isic_id");
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            lesions.Add(rows.GetGuid(0).ToString(), rows.GetString(1));
        return lesions;
    }

    private static RgbImage Decode(byte[] file) =>
        ImageDecoder.TryDecode(file, ImageLimits.Default, out var image, out var refusal) ? image : throw new InvalidDataException(refusal.Message);

    private static void Say(string figures) => TestContext.Current.TestOutputHelper?.WriteLine(figures);
}
