using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.IntegrationTests.Inference;

public sealed class ClassifyTests(TestServers servers, ClassifyTests.OneService service) : IClassFixture<ClassifyTests.OneService>
{
    public sealed class OneService(TestServers servers) : SharedStand(servers);

    private static readonly byte[] Red = InferenceStand.Picture(220, 60, 60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_ask_for_a_model_and_answer_once_there_is_one_when_the_installation_is_fresh()
    {
        await using var stand = await InferenceStand.StartAsync(servers);

        var refusal = await stand.RefusalAsync(InferenceStand.Request(Red));
        Assert.Equal(StatusCode.FailedPrecondition, refusal?.StatusCode);
        Assert.StartsWith("No model is in production yet: train one", refusal!.Status.Detail, StringComparison.Ordinal);
        await AssertProblemAsync(await stand.Http.PostAsync("/v1/classify", Body(Red, "image/png"), Cancellation), HttpStatusCode.BadRequest, "No model is in production yet");

        var version = await stand.RegisterAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion).Build(), decided: null);
        var model = await stand.DecidedAsync(version);
        var answer = await stand.Classifier.ClassifyAsync(InferenceStand.Request(Red), InferenceStand.Caller(), cancellationToken: Cancellation);

        Assert.Equal(ModelState.Production, model.State);
        Assert.Equal("Promoted: it is the first model of an honest dataset.", model.PolicyDecision);
        Assert.Equal("melanoma", answer.Diagnosis);
        Assert.Equal(Diagnoses.Names, answer.Probabilities.Select(probability => probability.Diagnosis));
        Assert.Equal(1, answer.Probabilities.Sum(probability => probability.Probability), 5);
        Assert.Equal(answer.Probabilities[(int)Diagnosis.Melanoma].Probability, answer.MelanomaProbability);
        Assert.Equal(model.Version, answer.ModelVersion);
        Assert.Equal("For research, not a medical device.", answer.Notice);
        var health = await stand.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
    }

    [Fact]
    public async Task Should_keep_what_was_answered_for_the_tenant_alone_when_an_answer_is_looked_up()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var request = InferenceStand.Request(Red);
        request.CaseReference = "case 17";
        var answer = await stand.Classifier.ClassifyAsync(request, InferenceStand.Caller("north"), cancellationToken: Cancellation);

        var row = await stand.Predictions.GetPredictionAsync(new GetPredictionRequest { PredictionId = answer.PredictionId }, InferenceStand.Caller("north"), cancellationToken: Cancellation);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
            await stand.Predictions.GetPredictionAsync(new GetPredictionRequest { PredictionId = answer.PredictionId }, InferenceStand.Caller("south"), cancellationToken: Cancellation));

        Assert.Equal(answer.Probabilities, row.Probabilities);
        Assert.Equal((answer.Diagnosis, answer.ModelVersion, "case 17", "key-of-north"), (row.Diagnosis, row.ModelVersion, row.CaseReference, row.Caller));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Red)), row.ImageSha256);
        Assert.Equal(StatusCode.NotFound, refusal.StatusCode);
    }

    [Fact]
    public async Task Should_be_a_FHIR_bundle_for_the_tenant_alone_when_an_answer_is_fetched_as_one()
    {
        var stand = service.Stand;
        var version = await stand.RegisterAndPromoteAsync(new TestModel());
        var answer = await stand.Classifier.ClassifyAsync(
            new ClassifyRequest(InferenceStand.Request(Red)) { CaseReference = "case 18" }, InferenceStand.Caller("north"), cancellationToken: Cancellation);
        var request = new GetPredictionBundleRequest { PredictionId = answer.PredictionId };

        var bundle = await stand.Predictions.GetPredictionBundleAsync(request, InferenceStand.Caller("north"), cancellationToken: Cancellation);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await stand.Predictions.GetPredictionBundleAsync(request, InferenceStand.Caller("south"), cancellationToken: Cancellation));
        using var question = new HttpRequestMessage(HttpMethod.Get, $"/v1/predictions/{answer.PredictionId}/fhir");
        PlayedGateway.Sign(question, "key-of-north", "north");
        using var page = await stand.Http.SendAsync(question, Cancellation);
        using var foreign = await stand.Http.GetAsync($"/v1/predictions/{answer.PredictionId}/fhir", Cancellation);

        Assert.Equal("application/fhir+json", bundle.ContentType);
        Assert.Equal(StatusCode.NotFound, refusal.StatusCode);
        Assert.Equal((HttpStatusCode.OK, "application/fhir+json"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
        Assert.Equal(bundle.Data.ToByteArray(), await page.Content.ReadAsByteArrayAsync(Cancellation));
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        using var json = JsonDocument.Parse(bundle.Data.Memory);
        var resources = json.RootElement.GetProperty("entry").EnumerateArray().Select(entry => entry.GetProperty("resource")).ToList();
        var device = Assert.Single(resources, resource => resource.GetProperty("resourceType").GetString() == "Device");
        Assert.Equal("case 18", resources[0].GetProperty("subject").GetProperty("display").GetString());
        Assert.Equal($"{version}", device.GetProperty("version")[0].GetProperty("value").GetString());
        await using var database = stand.Database();
        var sha256 = await database.ModelArtefacts.Where(artefact => artefact.Version == version).Select(artefact => artefact.Sha256).SingleAsync(Cancellation);
        Assert.Equal(Convert.ToHexStringLower(sha256), device.GetProperty("identifier")[0].GetProperty("value").GetString());
    }

    [Fact]
    public async Task Should_refuse_each_bad_call_and_answer_its_neighbours_when_they_come_together()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        var png30000 = HugePng(30_000);
        (ClassifyRequest Request, StatusCode Status, string Says)[] calls =
        [
            (InferenceStand.Request([]), StatusCode.InvalidArgument, "empty"),
            (InferenceStand.Request("this is not an image"u8.ToArray()), StatusCode.InvalidArgument, "not a picture"),
            (InferenceStand.Request(Red[..(Red.Length / 2)]), StatusCode.InvalidArgument, ""),
            (InferenceStand.Request(png30000), StatusCode.InvalidArgument, "30000 x 30000"),
            (InferenceStand.Request(new byte[22 * 1024 * 1024]), StatusCode.InvalidArgument, "22.0 MiB"),
            (InferenceStand.Request(new byte[50_000_000]), StatusCode.InvalidArgument, "at most 20 MiB"),
            (InferenceStand.Request(new byte[70_000_000]), StatusCode.ResourceExhausted, ""),
            (InferenceStand.Request(Red, version: 4711), StatusCode.NotFound, "4711"),
            (new ClassifyRequest(InferenceStand.Request(Red)) { ModelVersion = "newest" }, StatusCode.InvalidArgument, "number from 1"),
            (new ClassifyRequest(InferenceStand.Request(Red)) { CaseReference = new string('x', 201) }, StatusCode.InvalidArgument, "200"),
        ];

        var refusals = calls.Select(call => stand.RefusalAsync(call.Request)).ToList();
        var neighbours = Enumerable.Range(0, 8).Select(_ => stand.StatusAsync(InferenceStand.Request(Red))).ToList();

        Assert.All(await Task.WhenAll(neighbours), status => Assert.Equal(StatusCode.OK, status));
        foreach (var (call, refusal) in calls.Zip(await Task.WhenAll(refusals)))
        {
            Assert.Equal(call.Status, refusal?.StatusCode);
            Assert.Contains(call.Says, refusal!.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Should_give_one_answer_when_the_image_comes_as_JSON_as_body_and_as_form()
    {
        var stand = service.Stand;
        var version = await stand.RegisterAndPromoteAsync(new TestModel());
        await stand.RegisterAndPromoteAsync(new TestModel { Bias = diagnosis => (int)diagnosis });
        var pin = $"?model_version={version}";

        var json = await AnswerAsync(await stand.Http.PostAsJsonAsync("/v1/classify", new { image = Red, modelVersion = $"{version}" }, Cancellation));
        var body = await AnswerAsync(await stand.Http.PostAsync($"/v1/classify{pin}", Body(Red, "image/png"), Cancellation));
        var octets = await AnswerAsync(await stand.Http.PostAsync($"/v1/classify{pin}", Body(Red, "application/octet-stream"), Cancellation));
        using var form = new MultipartFormDataContent { { new StringContent("a field"), "note" }, { Body(Red, "image/png"), "picture", "lesion.png" } };
        var multipart = await AnswerAsync(await stand.Http.PostAsync($"/v1/classify{pin}", form, Cancellation));

        Assert.Equal($"{version}", json.GetProperty("modelVersion").GetString());
        string[] properties = [.. json.EnumerateObject().Select(property => property.Name)];
        foreach (var answer in new[] { body, octets, multipart })
        {
            Assert.Equal(properties, answer.EnumerateObject().Select(property => property.Name));
            foreach (var property in properties.Where(name => name != "predictionId"))
            {
                Assert.True(JsonElement.DeepEquals(json.GetProperty(property), answer.GetProperty(property)), property);
            }
        }
    }

    [Fact]
    public async Task Should_answer_with_problem_details_when_a_plain_body_is_bad()
    {
        var stand = service.Stand;

        await stand.RegisterAndPromoteAsync(new TestModel());
        var garbage = await stand.Http.PostAsync("/v1/classify", Body("nonsense"u8.ToArray(), "image/jpeg"), Cancellation);
        var large = await stand.Http.PostAsync("/v1/classify", Body(new byte[50_000_000], "image/jpeg"), Cancellation);
        var unknown = await stand.Http.PostAsync("/v1/classify?model_version=4711", Body(Red, "image/png"), Cancellation);
        using var empty = new MultipartFormDataContent { { new StringContent("no file"), "note" } };
        var form = await stand.Http.PostAsync("/v1/classify", empty, Cancellation);
        var jsonGarbage = await stand.Http.PostAsJsonAsync("/v1/classify", new { image = "bm9uc2Vuc2U=" }, Cancellation);

        await AssertProblemAsync(garbage, HttpStatusCode.BadRequest, "not a picture");
        await AssertProblemAsync(large, HttpStatusCode.BadRequest, "20 MiB");
        await AssertProblemAsync(unknown, HttpStatusCode.NotFound, "4711");
        await AssertProblemAsync(form, HttpStatusCode.BadRequest, "no file");
        Assert.Equal(HttpStatusCode.BadRequest, jsonGarbage.StatusCode);
        Assert.Contains("not a picture", await jsonGarbage.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_say_UNAVAILABLE_and_carry_on_when_the_database_goes_and_comes_back()
    {
        var stand = service.Stand;
        await stand.RegisterAndPromoteAsync(new TestModel());
        await using var database = stand.Database();
        var name = database.Database.GetDbConnection().Database;
        await using var elsewhere = NpgsqlDataSource.Create(await servers.CreateDatabaseAsync(Cancellation));
        await ExecuteAsync(elsewhere, $"ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false");
        await ExecuteAsync(elsewhere, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");

        var refusal = await stand.RefusalAsync(InferenceStand.Request(Red));
        var http = await stand.Http.PostAsync("/v1/classify", Body(Red, "image/png"), Cancellation);
        await ExecuteAsync(elsewhere, $"ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true");
        stand.ForgetConnections();

        Assert.Equal(StatusCode.Unavailable, refusal?.StatusCode);
        await AssertProblemAsync(http, HttpStatusCode.ServiceUnavailable, "database");
        await stand.EventuallyAsync(() => stand.StatusAsync(InferenceStand.Request(Red)), status => status == StatusCode.OK);
    }

    private static ByteArrayContent Body(byte[] bytes, string type) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };

    private static async Task<JsonElement> AnswerAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task AssertProblemAsync(HttpResponseMessage response, HttpStatusCode status, string says)
    {
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.StatusCode == status, $"{(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(says, JsonDocument.Parse(text).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    // A real header in front of nothing: the size alone must be enough for a refusal.
    private static byte[] HugePng(int side)
    {
        var png = InferenceStand.Picture(1, 2, 3);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), side);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), side);
        return png;
    }
}
