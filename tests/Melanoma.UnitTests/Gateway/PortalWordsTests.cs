using Grpc.Core;
using Melanoma.Portal.Classification;

namespace Melanoma.UnitTests.Gateway;

public sealed class PortalWordsTests
{
    [Theory]
    [InlineData(0.0, "0.0 %")]
    [InlineData(0.0004, "< 0.1 %")]
    [InlineData(0.0006, "0.1 %")]
    [InlineData(0.17131, "17.1 %")]
    [InlineData(0.9997, "> 99.9 %")]
    [InlineData(1.0, "100.0 %")]
    public void Should_never_claim_certainty_when_a_probability_is_rounded(double probability, string expected) => Assert.Equal(expected, Percent.Of(probability));

    [Fact]
    public void Should_repeat_the_services_sentence_when_the_picture_is_none() =>
        Assert.Equal("Send a JPEG.", Failure.Of(new RpcException(new Status(StatusCode.InvalidArgument, "Send a JPEG."))).Advice);

    [Fact]
    public void Should_hide_the_networks_words_when_nobody_answers()
    {
        var failure = Failure.Of(new RpcException(new Status(StatusCode.Unavailable, "Error connecting to subchannel.", new IOException("refused"))));

        Assert.Equal("Try again in a moment.", failure.Advice);
        Assert.True(failure.CanRetry);
    }

    [Fact]
    public void Should_say_how_to_get_one_when_there_is_no_model()
    {
        var failure = Failure.Of(new RpcException(new Status(StatusCode.FailedPrecondition, "no model is in production")));

        Assert.Equal("There is no model yet", failure.Title);
        Assert.Contains("./melanoma train", failure.Advice, StringComparison.Ordinal);
        Assert.True(failure.CanRetry);
    }

    [Fact]
    public void Should_have_words_for_each_status_when_a_call_fails() => Assert.All(Enum.GetValues<StatusCode>().Where(code => code != StatusCode.OK), code =>
    {
        var failure = Failure.Of(new RpcException(new Status(code, "")));

        Assert.NotEmpty(failure.Title);
        Assert.NotEmpty(failure.Advice);
    });
}
