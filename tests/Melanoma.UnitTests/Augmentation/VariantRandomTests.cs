using Melanoma.Augmentation.Policies;

namespace Melanoma.UnitTests.Augmentation;

public sealed class VariantRandomTests
{
    [Fact]
    public void Should_draw_what_another_implementation_draws_when_the_state_is_the_same()
    {
        // From a program in another language that was written from the description alone.
        var random = VariantRandom.ForVariant("augmentor", 123, 0);
        Assert.Equal([9363272949831718178, 1627336569003559310, 15787057241229486684, 3077039494560343690],
            new[] { random.Next(), random.Next(), random.Next(), random.Next() });
        Assert.Equal(9357839808057444971UL, VariantRandom.ForSplit("augmentor", -5, 7).Next());
    }

    [Fact]
    public void Should_draw_parents_and_degrees_of_another_implementation_when_asked_in_order()
    {
        (int Parent, int Degrees)[] expected =
            [(48, -4), (83, 3), (55, 2), (18, 2), (46, -6), (61, 0), (74, 0), (84, -9), (75, -8), (63, 0), (41, -4), (16, 4)];
        var drawn = Enumerable.Range(0, expected.Length).Select(ordinal =>
        {
            var random = VariantRandom.ForVariant("augmentor", 123, ordinal);
            var parent = random.Below(95);
            return (parent, AugmentorPolicy.DrawDegrees(ref random));
        });
        Assert.Equal(expected, drawn);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(1000)]
    public void Should_give_each_number_its_share_when_drawing_below_a_bound(int bound)
    {
        var random = VariantRandom.ForVariant("test", 1, 1);
        var draws = 2000 * bound;
        var counts = new int[bound];
        for (var draw = 0; draw < draws; draw++)
            counts[random.Below(bound)]++;

        // Six standard deviations of a binomial of mean 2000.
        Assert.All(counts, count => Assert.InRange(count, 2000 - 270, 2000 + 270));
    }
}
