using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Testing;
using Decision = Melanoma.Contracts.V1.Decision;
using OperatingPoints = Melanoma.Contracts.Models.OperatingPoints;

namespace Melanoma.IntegrationTests.Inference;

/// <summary>What a clinician gets besides probabilities: a decision, its reasons, and where the network saw what.</summary>
public sealed class DecisionTests(DecisionTests.OneService service) : IClassFixture<DecisionTests.OneService>
{
    public sealed class OneService(TestServers servers) : SharedStand(servers);

    /// <summary>Nothing about it is doubtful.</summary>
    private static readonly byte[] Good = ImageEncoder.EncodePng(SyntheticLesions.Draw((int)Diagnosis.Nevus, 5));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0.2, 0.4, Decision.LowRisk)]
    [InlineData(0.1, 0.4, Decision.Review)]
    [InlineData(0.05, 0.1, Decision.Refer)]
    public async Task Should_decide_by_the_thresholds_of_the_version_and_keep_it_in_the_audit(double t95, double t90, Decision expected)
    {
        var answer = await AnswerAsync(Good, Even with { OperatingPoints = new OperatingPoints(t95, t90) });

        Assert.Equal(expected, answer.Decision);
        Assert.Empty(answer.Reasons);
        Assert.Equal((t95, t90), (answer.OperatingPoints.T95, answer.OperatingPoints.T90));
        Assert.Equal(3.0 / 9, answer.MalignancyProbability, 6);
        Assert.Equal(["basal cell carcinoma", "melanoma", "squamous cell carcinoma"], answer.MalignantDiagnoses.Order());
        Assert.Equal(("1", "fp32", "CPU", 3), (answer.Dataset, answer.Artefact, answer.ExecutionProvider, answer.Top.Count));
        var row = await StoredAsync(answer);
        Assert.Equal((expected, 0), (row.Decision, row.Reasons.Count));
    }

    [Fact]
    public async Task Should_name_the_likeliest_diagnoses_as_many_as_asked_for()
    {
        await service.Stand.RegisterAndPromoteAsync(new TestModel { Weight = (_, _) => 0, Bias = diagnosis => diagnosis == Diagnosis.Melanoma ? 3 : diagnosis == Diagnosis.Nevus ? 2 : 0 });
        var request = InferenceStand.Request(Good);
        request.TopK = 2;

        var answer = await service.Stand.Classifier.ClassifyAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);

        Assert.Equal(["melanoma", "nevus"], answer.Top.Select(probability => probability.Diagnosis));
        foreach (var refused in new[] { 0, 10, -1 })
        {
            request.TopK = refused;
            Assert.Equal(StatusCode.InvalidArgument, await service.Stand.StatusAsync(request));
        }
    }

    [Fact]
    public async Task Should_decide_nothing_but_answer_all_the_same_when_the_picture_deserves_no_decision()
    {
        var lesion = SyntheticLesions.Draw((int)Diagnosis.Nevus, 5);
        (RgbImage Picture, string[] Codes)[] pictures =
        [
            (AreaFilter.Resize(lesion, 60, 60), ["too-small"]),
            (AreaFilter.Resize(AreaFilter.Resize(lesion, 24, 24), 300, 300), ["blurred"]),
            (new RgbImage(300, 300), ["blurred", "under-exposed", "blank", "not-dermoscopic"]),
        ];
        foreach (var (picture, codes) in pictures)
        {
            var answer = await AnswerAsync(ImageEncoder.EncodePng(picture), Even);

            Assert.Equal(Decision.Indeterminate, answer.Decision);
            Assert.Equal(codes, codes.Intersect(answer.Reasons.Select(reason => reason.Code)));
            Assert.All(answer.Reasons, reason => Assert.NotEmpty(reason.Message));
            Assert.Equal(1, answer.Probabilities.Sum(probability => probability.Probability), 5);
            Assert.NotEmpty(answer.Diagnosis);
            Assert.Equal(answer.Reasons.Select(reason => reason.Code), (await StoredAsync(answer)).Reasons);
        }
    }

    [Fact]
    public async Task Should_decide_nothing_when_the_picture_is_far_from_those_trained_on_or_there_is_no_threshold()
    {
        var unfamiliar = await AnswerAsync(Good, Even with { DistanceLimit = 10 });
        var familiar = await AnswerAsync(Good, Even with { DistanceLimit = 255 });
        var undecided = await AnswerAsync(Good, Even with { OperatingPoints = null });

        Assert.Equal((Decision.Indeterminate, "unfamiliar"), (unfamiliar.Decision, Assert.Single(unfamiliar.Reasons).Code));
        Assert.InRange(unfamiliar.Quality.Distance, 100, 255);
        Assert.Equal(10, unfamiliar.Quality.DistanceLimit);
        Assert.Equal(Decision.Refer, familiar.Decision);
        Assert.False(undecided.Quality.HasDistance);
        Assert.Equal((Decision.Indeterminate, "no-operating-point"), (undecided.Decision, Assert.Single(undecided.Reasons).Code));
        Assert.Null(undecided.OperatingPoints);
    }

    [Fact]
    public async Task Should_show_where_the_network_saw_what_when_an_answer_is_explained()
    {
        // Red in the lower left quarter of a grey picture, which is wider than high.
        var picture = new RgbImage(320, 160);
        for (var at = 0; at < picture.Pixels.Length; at += 3)
        {
            var (y, x) = (at / 3 / picture.Width, at / 3 % picture.Width);
            var red = y >= 80 && x < 160;
            (picture.Pixels[at], picture.Pixels[at + 1], picture.Pixels[at + 2]) = red ? ((byte)250, (byte)10, (byte)10) : ((byte)100, (byte)100, (byte)100);
        }

        var version = await service.Stand.RegisterAndPromoteAsync(
            TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion) with { HasMap = true, Unsupported = DiagnosisSet.Of(Diagnosis.SeborrheicKeratosis) });
        var request = new ExplainRequest { Image = Google.Protobuf.ByteString.CopyFrom(ImageEncoder.EncodePng(picture)), Diagnosis = "melanoma", CaseReference = "case 18" };

        var explained = await service.Stand.Classifier.ExplainAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);

        Assert.Equal(("melanoma", 4, 4, 16), (explained.Diagnosis, explained.Rows, explained.Columns, explained.Values.Count));
        var inside = new[] { 8, 9, 12, 13 };
        Assert.All(explained.Values.Index(), value => Assert.Equal(20 * (inside.Contains(value.Index) ? 250 : 100) / 255.0, value.Item, 3));
        Assert.True(ImageDecoder.TryDecode(explained.Overlay.Span, ImageLimits.Default, out var overlay, out _));
        Assert.Equal((448, 224), (overlay.Width, overlay.Height));
        Assert.Equal("case 18", (await StoredAsync(explained.Answer)).CaseReference);

        // What is asked about without a diagnosis is the answer's own, and as JSON it is the same.
        request.ClearDiagnosis();
        var own = await service.Stand.Classifier.ExplainAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation);
        Assert.Equal(own.Answer.Diagnosis, own.Diagnosis);

        foreach (var (diagnosis, pinned, status) in new (string, int, StatusCode)[]
        {
            ("a mole", version, StatusCode.InvalidArgument),
            ("seborrheic keratosis", version, StatusCode.InvalidArgument),
            ("melanoma", await service.Stand.RegisterAsync(Even.Build()), StatusCode.FailedPrecondition),
        })
        {
            (request.Diagnosis, request.ModelVersion) = (diagnosis, pinned.ToString(CultureInfo.InvariantCulture));
            var refusal = await Assert.ThrowsAsync<RpcException>(async () => await service.Stand.Classifier.ExplainAsync(request, InferenceStand.Caller(), cancellationToken: Cancellation));
            Assert.Equal(status, refusal.StatusCode);
        }
    }

    [Fact]
    public async Task Should_refuse_a_version_whose_graph_lacks_what_its_properties_promise()
    {
        TestModel[] liars =
        [
            Even with { Property = (name, value) => name == "melanoma.activation_map" ? "true" : value },
            Even with { Property = (name, value) => name == "melanoma.distance_limit" ? "3.5" : value },
        ];
        foreach (var liar in liars)
        {
            var version = await service.Stand.RegisterAsync(liar.Build());
            Assert.Equal(StatusCode.FailedPrecondition, await service.Stand.StatusAsync(InferenceStand.Request(Good, version)));
        }
    }

    /// <summary>Finds each of the nine as likely as the others.</summary>
    private static TestModel Even => new() { Weight = (_, _) => 0, OperatingPoints = new OperatingPoints(0.05, 0.1) };

    private async Task<ClassifyResponse> AnswerAsync(byte[] picture, TestModel model)
    {
        await service.Stand.RegisterAndPromoteAsync(model);
        return await service.Stand.Classifier.ClassifyAsync(InferenceStand.Request(picture), InferenceStand.Caller(), cancellationToken: Cancellation);
    }

    private async Task<Prediction> StoredAsync(ClassifyResponse answer) => await service.Stand.Predictions.GetPredictionAsync(
        new GetPredictionRequest { PredictionId = answer.PredictionId }, InferenceStand.Caller(), cancellationToken: Cancellation);
}
