using System.Diagnostics.Metrics;
using Grpc.Core;
using Melanoma.Inference;
using Melanoma.Inference.Classification;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Melanoma.UnitTests.Inference;

public sealed class InferenceLanesTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly ManualResetEventSlim _gate = new();
    private readonly List<InferenceLanes> _opened = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, null, 2)]
    [InlineData(2, null, 4)]
    [InlineData(4, null, 8)]
    [InlineData(2, 0, 2)]
    [InlineData(1, 5, 6)]
    public async Task Should_take_as_many_calls_as_lanes_and_room_hold_and_refuse_the_next(int lanes, int? room, int taken)
    {
        var house = await OpenAsync(lanes, room);
        var calls = Enumerable.Range(0, taken).Select(_ => house.RunAsync(Held(), Cancellation)).ToList();

        var refusal = await Assert.ThrowsAsync<RpcException>(() => house.RunAsync(Held(), Cancellation));

        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.InRange(Refusal.RetryPushbackMs(refusal)!.Value, 1, 5000);
        _gate.Set();
        await Task.WhenAll(calls);
        await EmptyAsync(house);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(4, 3)]
    public async Task Should_leave_a_lane_to_single_calls_when_bulk_waits(int lanes, int inBulk)
    {
        var house = await OpenAsync(lanes);
        var bulk = Enumerable.Range(0, 20).Select(_ => house.RunAsync(Held(isBulk: true), Cancellation)).ToList();
        await UntilAsync(() => house.Load().Bulk == inBulk);

        if (lanes > 1)
        {
            for (var call = 0; call < 50; call++)
            {
                await house.RunAsync(Quick(), Cancellation);
                Assert.Equal((inBulk, 20 - inBulk), (house.Load().Bulk, house.Load().WaitingInBulk));
            }
        }

        _gate.Set();
        await Task.WhenAll(bulk);
        await EmptyAsync(house);
    }

    [Fact]
    public async Task Should_take_waiting_calls_before_waiting_bulk()
    {
        var house = await OpenAsync(lanes: 1, room: 3);
        var order = new List<string>();
        var first = house.RunAsync(Held(), Cancellation);
        await UntilAsync(() => house.Load().Calls == 1);
        Task[] rest =
        [
            house.RunAsync(Named("bulk", isBulk: true), Cancellation), house.RunAsync(Named("call 1"), Cancellation), house.RunAsync(Named("call 2"), Cancellation),
        ];

        _gate.Set();
        await Task.WhenAll([first, .. rest]);

        Assert.Equal(["call 1", "call 2", "bulk"], order);

        LaneWork Named(string name, bool isBulk = false) => new(_ => Done(() => order.Add(name)), IsBulk: isBulk);
    }

    [Fact]
    public async Task Should_not_refuse_a_call_for_bulk()
    {
        var house = await OpenAsync(lanes: 2);
        var bulk = Enumerable.Range(0, 500).Select(_ => house.RunAsync(Held(isBulk: true), Cancellation)).ToList();
        await UntilAsync(() => house.Load().Bulk == 1);

        var calls = Enumerable.Range(0, 4).Select(_ => house.RunAsync(Held(), Cancellation)).ToList();
        await Assert.ThrowsAsync<RpcException>(() => house.RunAsync(Held(), Cancellation));

        _gate.Set();
        await Task.WhenAll([.. bulk, .. calls]);
    }

    [Fact]
    public async Task Should_count_work_of_several_images_as_so_many_and_still_take_it()
    {
        var house = await OpenAsync(lanes: 1, room: 2);
        var first = house.RunAsync(Held(), Cancellation);
        await UntilAsync(() => house.Load().Calls == 1);

        var eight = house.RunAsync(Held() with { Images = 8 }, Cancellation);
        Assert.Equal(8, house.Load().Waiting);
        await Assert.ThrowsAsync<RpcException>(() => house.RunAsync(Held(), Cancellation));

        _gate.Set();
        await Task.WhenAll(first, eight);
        await EmptyAsync(house);
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_those_who_wait_go_away()
    {
        var house = await OpenAsync(lanes: 1, room: 10);
        var first = house.RunAsync(Held(), Cancellation);
        await UntilAsync(() => house.Load().Calls == 1);
        using var gone = new CancellationTokenSource();
        var computed = 0;
        var waiting = Enumerable.Range(0, 20).Select(number => house.RunAsync(new LaneWork(_ => Done(() => computed++), IsBulk: number % 2 == 0), gone.Token)).ToList();

        await gone.CancelAsync();
        foreach (var call in waiting)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }

        Assert.Equal(new LaneLoad(0, 0, 1, 0), house.Load());
        _gate.Set();
        await first;
        await EmptyAsync(house);
        Assert.Equal(0, computed);
    }

    [Fact]
    public async Task Should_go_on_when_work_fails()
    {
        var house = await OpenAsync(lanes: 1);
        var defect = await Assert.ThrowsAsync<InvalidOperationException>(() => house.RunAsync(new LaneWork(_ => throw new InvalidOperationException("a defect")), Cancellation));

        Assert.Equal("a defect", defect.Message);
        await house.RunAsync(Quick(), Cancellation);
    }

    [Fact]
    public async Task Should_serve_those_who_wait_and_take_nobody_else_when_it_stops()
    {
        var house = await OpenAsync(lanes: 1, room: 1);
        Task[] inside = [house.RunAsync(Held(), Cancellation), house.RunAsync(Held(), Cancellation), house.RunAsync(Held(isBulk: true), Cancellation)];

        await house.StopAsync(Cancellation);
        var refusal = await Assert.ThrowsAsync<RpcException>(() => house.RunAsync(Quick(), Cancellation));

        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        _gate.Set();
        await Task.WhenAll(inside);
    }

    public void Dispose()
    {
        _gate.Set();
        _opened.ForEach(house => house.Dispose());
        _gate.Dispose();
        _services.Dispose();
    }

    private static LaneWork Quick() => new(_ => default);

    private static LaneResult Done(Action what)
    {
        what();
        return default;
    }

    private static async Task UntilAsync(Func<bool> satisfied)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(Patience);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (!satisfied())
        {
            await tick.WaitForNextTickAsync(deadline.Token);
        }
    }

    // A lane is counted until shortly after its answer.
    private static Task EmptyAsync(InferenceLanes house) => UntilAsync(() => house.Load() == default);

    private LaneWork Held(bool isBulk = false)
    {
        // A lane's thread knows no test.
        var cancellation = Cancellation;
        return new LaneWork(_ => Done(() => _gate.Wait(Patience, cancellation)), IsBulk: isBulk);
    }

    private async Task<InferenceLanes> OpenAsync(int lanes, int? room = null)
    {
        var metrics = new InferenceMetrics(_services.GetRequiredService<IMeterFactory>());
        var house = new InferenceLanes(Options.Create(new ClassificationOptions { Lanes = lanes, WaitingImages = room }), metrics, TimeProvider.System);
        _opened.Add(house);
        await house.StartAsync(Cancellation);
        return house;
    }
}
