using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>Which file of a version answers, and that it still says what it said when it was made.</summary>
public sealed class ServedArtefactTests(ServedArtefactTests.OneService service) : IClassFixture<ServedArtefactTests.OneService>
{
    public sealed class OneService(TestServers servers) : SharedStand(servers);

    private static readonly TestModel Precise = TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion);

    /// <summary>Another model, so that a test sees which of the two answers.</summary>
    private static readonly TestModel EightBits =
        TestModel.ByColour(Diagnosis.Dermatofibroma, Diagnosis.Nevus, Diagnosis.VascularLesion) with { Property = (key, value) => key == "melanoma.precision" ? "int8" : value };

    private static readonly byte[] Red = InferenceStand.Picture(220, 40, 40);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_answer_with_the_file_that_was_chosen_when_the_version_was_made()
    {
        var stand = service.Stand;
        var bytes = EightBits.Build();
        var version = await stand.RegisterAsync(Precise.Build(), eightBits: bytes);
        await stand.PromoteAsync(version);

        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller(), cancellationToken: Cancellation);
        var model = await stand.Registry.GetModelAsync(new GetModelRequest { Version = Text(version) }, cancellationToken: Cancellation);

        Assert.Equal((Text(version), "int8", "dermatofibroma"), (answer.ModelVersion, answer.Artefact, answer.Diagnosis));
        Assert.Equal(("int8", Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length), (model.Artefact, model.Sha256, model.SizeBytes));
    }

    [Fact]
    public async Task Should_not_serve_a_version_when_its_file_computes_with_other_numbers_than_the_registry_says()
    {
        var stand = service.Stand;
        var version = await stand.RegisterAsync(Precise.Build(), eightBits: Precise.Build());

        var refusal = await Assert.ThrowsAsync<RpcException>(() => stand.PromoteAsync(version));

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Contains("precision than the registry", refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.00005, null)]
    [InlineData(0.001, "of picture 0 that is stored with it, it says something else here than when it was made: a probability differs by 0.00")]
    [InlineData(double.NaN, "of picture 0 that is stored with it, it says something else here than when it was made")]
    public async Task Should_serve_a_version_only_when_it_says_what_it_said_when_it_was_made(double difference, string? refused)
    {
        var stand = service.Stand;
        var model = Precise.Build();
        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red, await stand.RegisterAsync(model)), InferenceStand.Caller(), cancellationToken: Cancellation);
        double[] then = [.. answer.Probabilities.Select(probability => probability.Probability)];
        then[(int)Diagnosis.Nevus] += difference;

        var version = await stand.RegisterAsync(model, storedAnswer: (Red, then));
        var refusal = await stand.RefusalAsync(InferenceStand.Request(Red, version));

        Assert.Equal(refused is null ? null : StatusCode.FailedPrecondition, refusal?.StatusCode);
        Assert.Contains(refused ?? "", refusal?.Status.Detail ?? "", StringComparison.Ordinal);
    }

    private static string Text(int version) => version.ToString(CultureInfo.InvariantCulture);
}
