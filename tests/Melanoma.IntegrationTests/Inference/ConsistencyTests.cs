using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>What a version says of a picture that is turned and mirrored.</summary>
public sealed class ConsistencyTests(ConsistencyTests.OneService service) : IClassFixture<ConsistencyTests.OneService>
{
    private const int Side = 160;

    public sealed class OneService(TestServers servers) : SharedStand(servers);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Red on the left is melanoma, on the right or on both sides alike nevus.</summary>
    private static TestModel Sided => new()
    {
        Weight = (_, _) => 0,
        WeightAt = (diagnosis, channel, _, column) => channel == 0 && diagnosis == (column < TestModel.Side / 2 ? Diagnosis.Melanoma : Diagnosis.Nevus) ? 40 : 0,
        Bias = diagnosis => diagnosis == Diagnosis.Nevus ? 0.5 : 0,
    };

    [Fact]
    public async Task Should_agree_in_all_views_when_the_picture_is_symmetric()
    {
        await service.Stand.RegisterAndPromoteAsync(Sided);
        var disc = Red((y, x) => Math.Pow(y - ((Side - 1) / 2.0), 2) + Math.Pow(x - ((Side - 1) / 2.0), 2) < 2500);

        var (plain, asked) = await AskAsync(disc);

        Assert.Equal("nevus", plain.Diagnosis);
        Assert.Equal(1, asked.Consistency.Share);
        Assert.Equal(Enumerable.Repeat("nevus", 8), asked.Consistency.Diagnoses);
        Assert.Equal(plain.MelanomaProbability, asked.Consistency.LowestMelanomaProbability, 6);
        Assert.Equal(plain.MelanomaProbability, asked.Consistency.HighestMelanomaProbability, 6);
    }

    [Fact]
    public async Task Should_say_how_many_views_agree_when_a_turn_changes_the_diagnosis()
    {
        await service.Stand.RegisterAndPromoteAsync(Sided);

        var (plain, asked) = await AskAsync(Red((_, x) => x < Side / 2));

        // Mirrored left-right it is on the right; with rows and columns exchanged it is above or below, on both sides alike.
        Assert.Equal(["melanoma", "nevus", "melanoma", "nevus", "nevus", "nevus", "nevus", "nevus"], asked.Consistency.Diagnoses);
        Assert.Equal(0.25, asked.Consistency.Share);
        Assert.Equal(plain.MelanomaProbability, asked.Consistency.HighestMelanomaProbability);
        Assert.InRange(asked.Consistency.LowestMelanomaProbability, 0, 0.01);

        // In bulk it is the same.
        using var call = service.Stand.Classifier.ClassifyStream(InferenceStand.Caller(), cancellationToken: Cancellation);
        var request = InferenceStand.Request(Red((_, x) => x < Side / 2));
        request.Consistency = true;
        await call.RequestStream.WriteAsync(new ClassifyStreamRequest { Request = request }, Cancellation);
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(asked.Consistency, call.ResponseStream.Current.Answer.Consistency);
    }

    [Fact]
    public async Task Should_count_as_eight_images_when_load_is_judged()
    {
        await service.Stand.RegisterAndPromoteAsync(Sided);
        var request = InferenceStand.Request(InferenceStand.Picture(200, 100, 50, size: 1000));
        request.Consistency = true;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var callers = Enumerable.Range(0, 16).Select(async _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                await service.Stand.StatusAsync(request);
            }
        }).ToList();

        await service.Stand.EventuallyAsync(service.Stand.LoadAsync, load => load.WaitingImages >= 8 && load.WaitingImages % 8 == 0);

        await stop.CancelAsync();
        await Task.WhenAll(callers);
    }

    private static byte[] Red(Func<int, int, bool> isRed)
    {
        var picture = new RgbImage(Side, Side);
        for (var at = 0; at < picture.Pixels.Length; at += 3)
        {
            if (isRed(at / 3 / Side, at / 3 % Side))
            {
                picture.Pixels[at] = 250;
            }
        }

        return ImageEncoder.EncodePng(picture);
    }

    /// <summary>The answer without and with it, which are otherwise the same.</summary>
    private async Task<(ClassifyResponse Plain, ClassifyResponse Asked)> AskAsync(byte[] picture)
    {
        var request = InferenceStand.Request(picture);
        var plain = await service.Stand.Classifier.ClassifyAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);
        request.Consistency = true;
        var asked = await service.Stand.Classifier.ClassifyAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);
        Assert.Null(plain.Consistency);
        Assert.Equal(plain, new ClassifyResponse(asked) { PredictionId = plain.PredictionId, Consistency = null });
        return (plain, asked);
    }
}
