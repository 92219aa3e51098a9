using CsCheck;
using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Imaging.NearDuplicates;

public sealed class NearDuplicateVerifierTests
{
    private static readonly Gen<int> Seed = Gen.Int[0, 200];

    [Fact]
    public void Should_match_and_say_how_when_a_picture_is_turned_mirrored_or_compressed() =>
        Gen.Select(Seed, Gen.Bool, Gen.Int[0, 3], Gen.Int[60, 100]).Sample((seed, mirrored, quarters, quality) =>
        {
            var original = Copies.Lesion(seed);
            var copy = Copies.Compressed(PictureCopies.Turned(mirrored ? PictureCopies.Mirrored(original) : original, quarters), quality);
            var match = NearDuplicateVerifier.Compare(Copies.SignatureOf(copy), Copies.SignatureOf(original));
            Assert.True(match.IsMatch, $"{match.Similarity}");
            Assert.Equal((mirrored, quarters * 90), (match.Mirrored, match.Turn));
            Assert.Equal(1, match.WidthShare, 0.03);
            Assert.Equal(1, match.HeightShare, 0.03);
        }, iter: 50);

    [Fact]
    public void Should_match_when_a_picture_is_squashed_or_rescaled() =>
        Gen.Select(Seed, Gen.Int[96, 400], Gen.Int[96, 400]).Sample((seed, width, height) =>
        {
            var original = Copies.Lesion(seed);
            var match = NearDuplicateVerifier.Compare(Copies.SignatureOf(AreaFilter.Resize(original, width, height)), Copies.SignatureOf(original));
            Assert.True(match.IsMatch, $"{match.Similarity}");
            Assert.Equal("as it is", match.Transform);
        }, iter: 30);

    [Fact]
    public void Should_match_and_tell_the_part_when_a_picture_is_cropped_evenly() =>
        Gen.Select(Seed, Gen.Double[0, 0.12]).Sample((seed, cut) =>
        {
            var original = Copies.Lesion(seed);
            int across = (int)(original.Width * cut), down = (int)(original.Height * cut);
            var copy = PictureCopies.Cut(original, across, down, across, down);
            var (part, whole) = (Copies.SignatureOf(copy), Copies.SignatureOf(original));
            var match = NearDuplicateVerifier.Compare(part, whole);
            Assert.True(match.IsMatch, $"{match.Similarity} {cut}");
            Assert.Equal((double)copy.Width / original.Width, match.WidthShare, 0.03);
            Assert.Equal((double)copy.Height / original.Height, match.HeightShare, 0.03);
            Assert.True(NearDuplicateVerifier.Compare(whole, part).IsMatch);
        }, iter: 30);

    [Fact]
    public void Should_match_when_the_centre_square_is_cut_out()
    {
        var original = Copies.Lesion(5);
        var side = original.Height;
        var border = (original.Width - side) / 2;
        var match = NearDuplicateVerifier.Compare(Copies.SignatureOf(PictureCopies.Turned(PictureCopies.Cut(original, border, 0, border, 0), 1)), Copies.SignatureOf(original));
        Assert.True(match.IsMatch);
        Assert.Equal("turned by 90 degrees, cropped to 100 % x 75 %", match.Transform);
    }

    [Fact]
    public void Should_find_nothing_when_lesions_or_views_differ()
    {
        const int Lesions = 300;
        var index = new NearDuplicateIndex();
        var signatures = new Dictionary<Guid, PictureSignature>();
        for (var lesion = 0; lesion < Lesions; lesion++)
        {
            foreach (var view in (ReadOnlySpan<int>)[0, 1])
            {
                var signature = Copies.SignatureOf(Copies.Lesion(lesion, view));
                foreach (var candidate in index.Candidates(signature))
                {
                    var match = NearDuplicateVerifier.Compare(signature, signatures[candidate]);
                    Assert.False(match.IsMatch, $"{lesion} {view} {match.Similarity}");
                    Assert.Equal("no match", match.Transform);
                }

                var id = Guid.NewGuid();
                signatures.Add(id, signature);
                index.Add(id, signature);
            }
        }
    }

    [Fact]
    public void Should_not_match_when_pictures_are_blank()
    {
        var blank = PictureSignature.Compute(TestPictures.Flat(PictureSignature.SourceSide, PictureSignature.SourceSide, 200, 150, 140), 4, 3);
        Assert.False(NearDuplicateVerifier.Compare(blank, blank).IsMatch);
        Assert.Equal(0, NearDuplicateVerifier.Compare(blank, Copies.SignatureOf(Copies.Lesion(1))).Similarity);
    }

    [Fact]
    public void Should_say_the_same_when_asked_again_by_many_threads()
    {
        var signatures = Enumerable.Range(0, 12).Select(seed => Copies.SignatureOf(Copies.Lesion(seed / 2, seed % 2)).ToBytes()).ToArray();
        NearDuplicateMatch[] All() => [.. from a in signatures from b in signatures select NearDuplicateVerifier.Compare(Read(a), Read(b))];
        var once = All();
        Parallel.For(0, 8, _ => Assert.Equal(once, All()));
    }

    private static PictureSignature Read(byte[] bytes) => PictureSignature.TryRead(bytes, out var signature) ? signature : throw new InvalidDataException();
}
