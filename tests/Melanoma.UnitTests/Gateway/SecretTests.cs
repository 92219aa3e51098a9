using Melanoma.Gateway.Access;

namespace Melanoma.UnitTests.Gateway;

public sealed class SecretTests
{
    [Fact]
    public void Should_have_256_random_bits_and_a_prefix_when_made()
    {
        var secrets = Enumerable.Range(0, 1000).Select(_ => Secret.New(Secret.KeyPrefix)).ToHashSet();

        Assert.Equal(1000, secrets.Count);
        Assert.All(secrets, secret =>
        {
            Assert.StartsWith("mk_", secret, StringComparison.Ordinal);
            Assert.Equal(3 + 43, secret.Length);
            Assert.Equal(32, Secret.HashOf(secret, Secret.KeyPrefix)?.Length);
        });
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("mk_")]
    [InlineData("mk_short")]
    [InlineData("ms_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("mk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("mk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'--")]
    [InlineData("MK_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Should_not_be_looked_up_when_it_has_not_the_form(string? text) => Assert.Null(Secret.HashOf(text, Secret.KeyPrefix));
}
