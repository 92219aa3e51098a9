using Melanoma.Inference.Registry;

namespace Melanoma.UnitTests.Inference;

public sealed class RollbackTests
{
    [Theory]
    [InlineData(new int[0], null)]
    [InlineData(new[] { 1 }, null)]
    [InlineData(new[] { 1, 2 }, 1)]
    [InlineData(new[] { 1, 2, 3, 2 }, 1)]
    [InlineData(new[] { 1, 2, 1 }, null)]
    [InlineData(new[] { 1, 2, 3, 2, 1 }, null)]
    [InlineData(new[] { 1, 2, 1, 3 }, 1)]
    [InlineData(new[] { 1, 2, 3, 1 }, 3)]
    [InlineData(new[] { 1, 2, 1, 2 }, 1)]
    public void Should_never_go_back_to_what_a_rollback_left_when_history_is_walked(int[] history, int? expected) =>
        Assert.Equal(expected, Promotions.Before(history));
}
