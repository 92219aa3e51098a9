using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

public sealed class ModelSwapTests(ModelSwapTests.OneService service) : IClassFixture<ModelSwapTests.OneService>
{
    // The slow look is an hour away: only messages can bring a version.
    public sealed class OneService(TestServers servers) : SharedStand(servers, ("Models__ReconcileSeconds", "3600"), ("Models__PinnedVersions", "1"));

    private static readonly byte[] Picture = InferenceStand.Picture(180, 90, 140);

    public static TheoryData<string, string> BadModels => new()
    {
        { "hash", "SHA-256" },
        { "bytes", "cannot open" },
        { "shape", "'probabilities' of shape [N,9]" },
        { "cut", "cannot open" },
        { "input", "another input size" },
        { "nan", "no probabilities" },
        { "weights", "no probabilities" },
        { "sum", "" },
        { "order", "index order" },
        { "property", "class prior" },
        { "one threshold", "t95" },
        { "no thresholds", "no property 'melanoma.operating_points'" },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(BadModels))]
    public async Task Should_keep_the_old_version_and_say_why_when_a_model_cannot_be_served(string fault, string says)
    {
        var stand = service.Stand;
        var good = await stand.RegisterAndPromoteAsync(new TestModel());
        var bad = await stand.RegisterAsync(Faulty(fault), sha256: fault == "hash" ? SHA256.HashData([1]) : null);

        var refusal = await Assert.ThrowsAsync<RpcException>(() => stand.PromoteAsync(bad));
        await stand.PromoteElsewhereAsync(bad);
        var status = await stand.EventuallyAsync(
            async () => await stand.Registry.GetServingStatusAsync(new GetServingStatusRequest(), cancellationToken: Cancellation), status => status.Problem.Length > 0);
        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Picture), InferenceStand.Caller(), cancellationToken: Cancellation);

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Contains(says, refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(refusal.Status.Detail, status.Problem);
        Assert.Equal((good.ToString(CultureInfo.InvariantCulture), "CPU"), (status.ModelVersion, status.ExecutionProvider));
        Assert.Equal(good.ToString(CultureInfo.InvariantCulture), answer.ModelVersion);
        Assert.Equal(StatusCode.FailedPrecondition, await stand.StatusAsync(InferenceStand.Request(Picture, bad)));
    }

    [Fact]
    public async Task Should_answer_with_the_pinned_version_when_another_is_in_production()
    {
        var stand = service.Stand;
        var versions = new List<int>();
        for (var number = 0; number < 3; number++)
        {
            var shift = number;
            versions.Add(await stand.RegisterAsync(new TestModel { Bias = diagnosis => shift * (int)diagnosis }.Build()));
        }

        await stand.PromoteAsync(versions[0]);
        foreach (var version in versions.Concat(versions).Append(versions[1]))
        {
            var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Picture, version), InferenceStand.Caller(), cancellationToken: Cancellation);
            Assert.Equal(version.ToString(CultureInfo.InvariantCulture), answer.ModelVersion);
        }
    }

    [Fact]
    public async Task Should_follow_a_promotion_made_elsewhere_when_its_message_comes()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var next = await stand.RegisterAsync(new TestModel { Bias = diagnosis => (int)diagnosis }.Build());

        await stand.PromoteElsewhereAsync(next);

        await stand.EventuallyAsync(
            async () => await stand.Classifier.ClassifyAsync(InferenceStand.Request(Picture), InferenceStand.Caller(), cancellationToken: Cancellation),
            answer => answer.ModelVersion == next.ToString(CultureInfo.InvariantCulture));
    }

    private static byte[] Faulty(string fault) => fault switch
    {
        "bytes" => RandomNumberGenerator.GetBytes(5000),
        "shape" => new TestModel { Classes = 8 }.Build(),
        "nan" => new TestModel { Bias = diagnosis => diagnosis == Diagnosis.Nevus ? double.NaN : 0 }.Build(),
        "weights" => new TestModel { Weight = (diagnosis, _) => diagnosis == Diagnosis.Nevus ? double.NaN : 0 }.Build(),
        "cut" => new TestModel().Build() is var whole ? whole[..(whole.Length / 2)] : [],
        "input" => new TestModel { Property = (key, value) => key == "melanoma.input_size" ? "32" : value }.Build(),
        "one threshold" => new TestModel { Property = (key, value) => key == "melanoma.operating_points" ? """{"t90":0.5}""" : value }.Build(),
        "no thresholds" => new TestModel { Property = (key, value) => key == "melanoma.operating_points" ? null : value }.Build(),
        "sum" => new TestModel { Softmax = false }.Build(),
        "order" => new TestModel { Property = (key, value) => key == "melanoma.classes" ? value.Replace("nevus", "melanoma", StringComparison.Ordinal) : value }.Build(),
        "property" => new TestModel { Property = (key, value) => key == "melanoma.class_prior" ? "[]" : value }.Build(),
        _ => new TestModel { Bias = diagnosis => (int)diagnosis }.Build(),
    };
}
