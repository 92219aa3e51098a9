using Melanoma.Inference.Classification;

namespace Melanoma.UnitTests.Inference;

public sealed class RetrySlotsTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private readonly Clock _clock = new();
    private readonly RetrySlots _slots;

    public RetrySlotsTests() => _slots = new RetrySlots(_clock);

    [Fact]
    public void Should_follow_each_other_as_fast_as_images_are_served_when_many_are_refused_at_once() =>
        Assert.Equal([40, 50, 60, 70], Enumerable.Range(0, 4).Select(_ => Next(drained: 30)));

    [Fact]
    public void Should_come_nearer_when_time_passes()
    {
        Assert.Equal([10, 20, 30], Enumerable.Range(0, 3).Select(_ => Next()));

        _clock.Milliseconds += 25;
        Assert.Equal(15, Next());

        _clock.Milliseconds += 1000;
        Assert.Equal(10, Next());
    }

    [Fact]
    public void Should_give_more_room_to_more_images() =>
        Assert.Equal([80, 90], [_slots.Next(TimeSpan.Zero, 8 * Step).TotalMilliseconds, Next()]);

    [Fact]
    public void Should_lie_within_five_seconds_when_there_are_more_callers_than_that()
    {
        var slots = Enumerable.Range(0, 600).Select(_ => Next()).ToList();
        Assert.Equal((5000d, 5000d), (slots[499], slots[599]));

        // The horizon is where it was cut off, not where it would have been.
        _clock.Milliseconds += 100;
        Assert.Equal(4910, Next());
    }

    [Fact]
    public void Should_not_be_at_once_when_an_image_takes_next_to_nothing() => Assert.Equal(1, _slots.Next(TimeSpan.Zero, TimeSpan.FromMicroseconds(3)).TotalMilliseconds);

    private double Next(double drained = 0) => _slots.Next(TimeSpan.FromMilliseconds(drained), Step).TotalMilliseconds;

    private sealed class Clock : TimeProvider
    {
        public long Milliseconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Milliseconds;
    }
}
