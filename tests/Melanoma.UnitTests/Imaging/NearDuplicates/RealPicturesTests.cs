using System.IO.Compression;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

public sealed class RealPicturesTests
{
    // The whole count, with recall and precision on all pictures, is the benchmark's.
    [Fact]
    public void Should_find_the_same_ids_and_no_others_when_two_collections_hold_the_same_pictures()
    {
        const int Pictures = 400;
        using var nine = ZipFile.OpenRead(SharedData.Require("isic9.zip"));
        using var ham = ZipFile.OpenRead(SharedData.Require("ham10000-200x150.zip"));
        var squashed = nine.Entries.Where(e => e.Name.EndsWith(".jpg", StringComparison.Ordinal)).GroupBy(IsicId).ToDictionary(g => g.Key, g => g.First());
        var shared = ham.Entries.Where(e => e.Name.EndsWith(".jpg", StringComparison.Ordinal) && squashed.ContainsKey(IsicId(e))).OrderBy(IsicId, StringComparer.Ordinal).Take(Pictures).ToArray();

        var index = new NearDuplicateIndex();
        var known = new Dictionary<Guid, (string IsicId, PictureSignature Signature)>();
        foreach (var entry in shared)
        {
            var id = Guid.NewGuid();
            known.Add(id, (IsicId(entry), SignatureOf(entry)));
            index.Add(id, known[id].Signature);
        }

        int found = 0, others = 0;
        foreach (var entry in shared)
        {
            var signature = SignatureOf(squashed[IsicId(entry)]);
            var matches = index.Candidates(signature).Where(id => NearDuplicateVerifier.Compare(signature, known[id].Signature).IsMatch).Select(id => known[id].IsicId).ToArray();
            found += matches.Contains(IsicId(entry)) ? 1 : 0;
            others += matches.Count(id => id != IsicId(entry));
        }

        Assert.InRange(found, shared.Length * 99 / 100, shared.Length);
        Assert.InRange(others, 0, shared.Length * 3 / 100);
    }

    private static string IsicId(ZipArchiveEntry entry) => entry.Name[..12];

    private static PictureSignature SignatureOf(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        return Copies.SignatureOf(ImageDecoderTests.Decode(bytes));
    }
}
