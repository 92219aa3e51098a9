using Grpc.Core;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

public sealed class OverloadTests(OverloadTests.OneService service) : IClassFixture<OverloadTests.OneService>
{
    private static readonly byte[] Small = InferenceStand.Picture(220, 60, 60);

    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Classification__WaitingImages", "2"), ("Classification__Lanes", "1"));

    [Fact]
    public async Task Should_refuse_at_once_with_a_delay_when_the_waiting_room_is_full()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var large = InferenceStand.Picture(200, 100, 50, size: 1500);

        var refusals = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => stand.RefusalAsync(InferenceStand.Request(large))));

        Assert.InRange(refusals.Count(refusal => refusal is null), 3, 23);
        Assert.All(refusals.OfType<RpcException>(), refusal =>
        {
            Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
            Assert.InRange(int.Parse(refusal.Trailers.GetValue("retry-after-ms")!, null), 1, 5000);
        });
        Assert.Equal(StatusCode.OK, await stand.StatusAsync(InferenceStand.Request(Small)));
    }

    [Fact]
    public async Task Should_leave_nothing_behind_when_callers_go_away()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var large = InferenceStand.Request(InferenceStand.Picture(200, 100, 50, size: 800));

        for (var round = 0; round < 10; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(async number =>
            {
                var deadline = DateTime.UtcNow.AddMilliseconds(number % 2 == 0 ? 1 : 15);
                try
                {
                    await stand.Classifier.ClassifyAsync(large, InferenceStand.Caller(), deadline, TestContext.Current.CancellationToken);
                }
                catch (RpcException refusal)
                {
                    Assert.True(refusal.StatusCode is StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Cancelled, refusal.ToString());
                }
            }));
        }

        // Room for two and the lane again: whoever went away holds none of it.
        await stand.EventuallyAsync(
            async () => (await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => stand.StatusAsync(InferenceStand.Request(Small))))).Distinct().ToList(),
            statuses => statuses is [StatusCode.OK]);
    }
}
