using Grpc.Core;
using Melanoma.Cli.Connection;

namespace Melanoma.UnitTests.CommandLine;

public sealed class RetriesTests
{
    [Fact]
    public void Should_wait_about_as_long_as_it_was_told_when_refused_for_load()
    {
        var delay = Retries.DelayBefore(Busy("400"), attempt: 7, TimeSpan.FromMinutes(1), repeatWhenUnavailable: false);
        Assert.InRange(delay!.Value.TotalMilliseconds, 300, 500);
    }

    [Fact]
    public void Should_not_repeat_when_a_message_was_too_large() =>
        Assert.Null(Retries.DelayBefore(new RpcException(new Status(StatusCode.ResourceExhausted, "too large")), 1, TimeSpan.Zero, repeatWhenUnavailable: true));

    [Fact]
    public void Should_repeat_only_reading_calls_when_it_is_not_known_what_became_of_one()
    {
        var away = new RpcException(new Status(StatusCode.Unavailable, ""));
        Assert.NotNull(Retries.DelayBefore(away, 1, TimeSpan.Zero, repeatWhenUnavailable: true));
        Assert.Null(Retries.DelayBefore(away, 1, TimeSpan.Zero, repeatWhenUnavailable: false));
    }

    [Fact]
    public void Should_give_up_when_the_other_side_stays_away() =>
        Assert.Null(Retries.DelayBefore(new RpcException(new Status(StatusCode.Unavailable, "")), 20, TimeSpan.FromMinutes(1), repeatWhenUnavailable: true));

    [Theory]
    [InlineData(StatusCode.InvalidArgument)]
    [InlineData(StatusCode.Unauthenticated)]
    [InlineData(StatusCode.Internal)]
    public void Should_not_repeat_when_repeating_cannot_help(StatusCode status) =>
        Assert.Null(Retries.DelayBefore(new RpcException(new Status(status, "")), 1, TimeSpan.Zero, repeatWhenUnavailable: true));

    [Fact]
    public void Should_stay_between_a_moment_and_some_seconds_when_it_backs_off() =>
        Assert.All(Enumerable.Range(1, 50), attempt => Assert.InRange(Retries.Backoff(attempt).TotalSeconds, 0.07, 6.5));

    [Theory]
    [InlineData(StatusCode.OK, "OK")]
    [InlineData(StatusCode.InvalidArgument, "INVALID_ARGUMENT")]
    [InlineData(StatusCode.ResourceExhausted, "RESOURCE_EXHAUSTED")]
    [InlineData(StatusCode.DataLoss, "DATA_LOSS")]
    [InlineData(StatusCode.Cancelled, "CANCELLED")]
    public void Should_spell_a_status_as_grpc_does_when_it_is_shown(StatusCode status, string name) => Assert.Equal(name, GatewayFailure.Name(status));

    private static RpcException Busy(string milliseconds) =>
        new(new Status(StatusCode.ResourceExhausted, "busy"), new Metadata { { "grpc-retry-pushback-ms", milliseconds } });
}
