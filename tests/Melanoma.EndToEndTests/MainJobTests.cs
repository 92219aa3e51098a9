using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;

namespace Melanoma.EndToEndTests;

/// <summary>The main job through the Gateway and the command line, on real processes.</summary>
[Collection<WithTrainedModel>]
public sealed class MainJobTests(TrainedModel trainedModel)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Should_store_the_pictures_and_name_the_bad_files_when_a_delivery_has_both()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        Assert.Equal(TestDelivery.Pictures, Int(trained.Delivery, "stored"));
        Assert.Equal(TestDelivery.Contradictions, Int(trained.Delivery, "duplicates"));
        Assert.Equal(TestDelivery.Bad, Int(trained.Delivery, "refused"));
        Assert.Equal(TestDelivery.Pictures + TestDelivery.Contradictions + TestDelivery.Bad, Int(trained.Delivery, "files"));
        Assert.Equal(1, Int(trained.Delivery, "conflicts"));
    }

    [Fact]
    public async Task Should_keep_every_lesion_in_one_split_and_contradictions_out_when_a_dataset_is_made()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        Assert.Equal(0, Int(trained.Dataset, "groupsInTwoSplits"));
        Assert.Equal(1, Int(trained.Dataset, "parked"));
        var splits = trained.Dataset.GetProperty("splits");
        var images = splits.EnumerateObject().Sum(split => Int(split.Value, "images"));
        Assert.Equal(Int(trained.Dataset, "images"), images);
        Assert.True(Int(splits.GetProperty("test"), "images") >= (TestDelivery.TestPerClass * Diagnoses.Count) - 1);
    }

    [Fact]
    public async Task Should_show_each_epoch_and_the_test_figures_when_a_run_is_watched()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        Assert.Equal("completed", trained.Run.GetProperty("state").GetString());
        Assert.Equal([1, 2], trained.Run.GetProperty("progress").EnumerateArray().Select(epoch => Int(epoch, "epoch")));
        var test = trained.Run.GetProperty("model").GetProperty("test");
        Assert.InRange(test.GetProperty("balancedAccuracy").GetDouble(), 0, 1);
        Assert.True(Int(test, "images") > 0);
    }

    [Fact]
    public async Task Should_make_the_planned_variants_of_training_pictures_only_when_the_recipe_augments()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var variants = await trained.Stack.QueryAsync<long>("SELECT count(*) FROM variants WHERE dataset_kind = 'honest'", Cancellation);
        Assert.Equal(20 * Diagnoses.Count, variants);
        Assert.Equal(0, await trained.Stack.QueryAsync<long>("SELECT count(*) FROM variants WHERE dataset_kind = 'honest' AND parent_split <> 'train'", Cancellation));
    }

    [Fact]
    public async Task Should_put_the_first_honest_model_into_production_when_it_was_trained()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var models = (await trained.Stack.RunAsync(Cancellation, "models", "list", "--json")).Succeeded().Document.GetProperty("models");
        var model = models.EnumerateArray().Single(item => item.GetProperty("version").GetString() == trained.ModelVersion);
        Assert.Equal("production", model.GetProperty("state").GetString());
        var history = (await trained.Stack.RunAsync(Cancellation, "models", "history", "--json")).Succeeded().Document.GetProperty("transitions");
        Assert.Equal(trained.ModelVersion, history[0].GetProperty("toVersion").GetString());
    }

    [Fact]
    public async Task Should_write_the_page_the_figures_and_the_plots_when_a_report_is_asked_for()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var folder = Path.Combine(trained.Stack.Folder, "report");

        var report = (await trained.Stack.RunAsync(Cancellation, "models", "report", trained.ModelVersion, "--into", folder, "--json")).Succeeded().Document;

        Assert.Equal(Directory.GetFiles(folder).Order(), report.GetProperty("files").EnumerateArray().Select(file => file.GetString()).Order());
        Assert.Contains(Path.Combine(folder, "accuracy.png"), Directory.GetFiles(folder));
        var page = await File.ReadAllTextAsync(Path.Combine(folder, "report.html"), Cancellation);
        Assert.Contains($"<h1>Model version {trained.ModelVersion}</h1>", page, StringComparison.Ordinal);
        Assert.Equal(Diagnoses.Count, page.Split("class=\"original\"").Length - 1);
        Assert.NotEqual(0, (await trained.Stack.RunAsync(Cancellation, "models", "report", "999", "--into", folder + "-none", "--json")).ExitCode);
        Assert.False(Directory.Exists(folder + "-none"));
    }

    [Fact]
    public async Task Should_change_nothing_when_the_same_delivery_comes_again()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        const string Content = "SELECT (SELECT count(*) FROM images) * 1000000 + (SELECT count(*) FROM label_claims)";
        var before = await trained.Stack.QueryAsync<long>(Content, Cancellation);
        var again = (await trained.Stack.RunAsync(Cancellation, "ingest", trained.Archive, "--json")).Succeeded().Document;
        Assert.Equal(0, Int(again, "stored"));
        Assert.Equal(TestDelivery.Pictures + TestDelivery.Contradictions, Int(again, "duplicates"));
        Assert.Equal(before, await trained.Stack.QueryAsync<long>(Content, Cancellation));
    }

    [Fact]
    public async Task Should_answer_every_picture_and_end_with_three_when_a_folder_has_a_bad_one()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var folder = Directory.CreateDirectory(Path.Combine(trained.Stack.Folder, "to-classify"));
        foreach (var file in TestPictures(trained).Take(5))
            File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)), overwrite: true);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "letter.jpg"), "Dear colleague", Cancellation);

        var result = await trained.Stack.RunAsync(Cancellation, "classify", folder.FullName, "--json", "--model-version", trained.ModelVersion);

        Assert.Equal(3, result.ExitCode);
        Assert.Equal(6, result.Documents.Count);
        var refused = result.Documents.Single(line => line.GetProperty("status").GetString() != "OK");
        Assert.Equal("INVALID_ARGUMENT", refused.GetProperty("status").GetString());
        Assert.EndsWith("letter.jpg", refused.GetProperty("file").GetString(), StringComparison.Ordinal);
        Assert.NotEqual("", refused.GetProperty("error").GetString());
        foreach (var answer in result.Documents.Where(line => line.GetProperty("status").GetString() == "OK"))
        {
            var probabilities = answer.GetProperty("probabilities").EnumerateObject().ToDictionary(item => item.Name, item => item.Value.GetDouble());
            Assert.Equal(Diagnoses.Names, probabilities.Keys);
            Assert.Equal(1, probabilities.Values.Sum(), 1e-3);
            Assert.Contains(answer.GetProperty("diagnosis").GetString(), Diagnoses.Names);
            Assert.Equal(trained.ModelVersion, answer.GetProperty("modelVersion").GetString());
        }
    }

    [Fact]
    public async Task Should_find_the_answer_again_in_the_audit_when_a_picture_was_classified_over_grpc()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var image = await File.ReadAllBytesAsync(TestPictures(trained)[0], Cancellation);
        var request = new ClassifyRequest { Image = ByteString.CopyFrom(image), CaseReference = "case-7" };
        var answer = await new Classifier.ClassifierClient(trained.Stack.Invoker).ClassifyAsync(request, cancellationToken: Cancellation);

        var audited = await new Predictions.PredictionsClient(trained.Stack.Invoker)
            .GetPredictionAsync(new GetPredictionRequest { PredictionId = answer.PredictionId }, cancellationToken: Cancellation);

        Assert.Equal(answer.Probabilities, audited.Probabilities);
        Assert.Equal(answer.Diagnosis, audited.Diagnosis);
        Assert.Equal(trained.ModelVersion, audited.ModelVersion);
        Assert.Equal("case-7", audited.CaseReference);
        Assert.Equal("local", audited.Caller);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(image)), audited.ImageSha256);
    }

    [Fact]
    public async Task Should_give_the_same_probabilities_when_the_picture_comes_as_json_or_as_itself()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var image = await File.ReadAllBytesAsync(TestPictures(trained)[1], Cancellation);
        var overGrpc = await new Classifier.ClassifierClient(trained.Stack.Invoker)
            .ClassifyAsync(new ClassifyRequest { Image = ByteString.CopyFrom(image) }, cancellationToken: Cancellation);
        using var http = Http(trained, trained.Stack.ApiKey);

        using var asJson = await http.PostAsJsonAsync("/v1/classify", new { image = Convert.ToBase64String(image) }, Cancellation);
        using var body = new ByteArrayContent(image) { Headers = { ContentType = new MediaTypeHeaderValue("image/jpeg") } };
        using var asImage = await http.PostAsync(new Uri("/v1/classify", UriKind.Relative), body, Cancellation);

        foreach (var response in (HttpResponseMessage[])[asJson, asImage])
        {
            var text = await response.Content.ReadAsStringAsync(Cancellation);
            Assert.True(response.StatusCode == HttpStatusCode.OK, text);
            var answer = JsonElement.Parse(text);
            Assert.Equal(overGrpc.Diagnosis, answer.GetProperty("diagnosis").GetString());
            var probabilities = answer.GetProperty("probabilities").EnumerateArray()
                .Select(item => item.TryGetProperty("probability", out var value) ? value.GetDouble() : 0).ToList();
            Assert.All(overGrpc.Probabilities.Zip(probabilities), pair => Assert.Equal(pair.First.Probability, pair.Second, 1e-5));
        }
    }

    [Fact]
    public async Task Should_refuse_with_a_sentence_when_the_key_is_wrong()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var command = await trained.Stack.RunAsync(new Dictionary<string, string?> { ["MELANOMA_API_KEY"] = "wrong" }, Cancellation, "models", "--json");
        Assert.Equal(1, command.ExitCode);
        Assert.Equal("", command.Output);
        Assert.Contains("API key", command.Errors, StringComparison.Ordinal);

        using var http = Http(trained, "wrong");
        using var response = await http.GetAsync(new Uri("/v1/models", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Should_say_not_found_when_the_pinned_version_does_not_exist()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var result = await trained.Stack.RunAsync(Cancellation, "classify", TestPictures(trained)[0], "--model-version", "4711", "--json");
        Assert.Equal(1, result.ExitCode);
        Assert.Equal("NOT_FOUND", result.Document.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Should_never_promote_when_the_protocol_is_leaky()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var watched = await trained.Stack.RunAsync(
            Cancellation, "train", "--recipe", "quick", "--protocol", "leaky", "--epochs", "1", "--samples", "5", "--watch", "--json");
        var model = watched.Succeeded().Documents[^1].GetProperty("model");
        Assert.Equal("leaky", model.GetProperty("protocol").GetString());
        Assert.Equal("candidate", model.GetProperty("state").GetString());

        var promoted = await trained.Stack.RunAsync(Cancellation, "models", "promote", model.GetProperty("version").GetString()!, "--reason", "no", "--json");

        Assert.Equal(1, promoted.ExitCode);
        Assert.NotEqual("", promoted.Errors);
    }

    [Fact]
    public async Task Should_say_which_is_better_on_what_neither_has_seen_when_two_versions_are_compared()
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var watched = await trained.Stack.RunAsync(
            Cancellation, "train", "--recipe", "quick", "--protocol", "leaky", "--epochs", "1", "--samples", "5", "--seed", "2", "--watch", "--json");
        var leaky = watched.Succeeded().Documents[^1].GetProperty("modelVersion").GetString()!;

        var compared = (await trained.Stack.RunAsync(Cancellation, "models", "compare", trained.ModelVersion, leaky, "--json")).Succeeded().Document;
        var shown = (await trained.Stack.RunAsync(Cancellation, "models", "compare", trained.ModelVersion, leaky)).Succeeded();

        // Both know the whole Train folder but for what honest splits drew from it for test, which the leaky one was trained on.
        Assert.InRange(Int(compared, "images"), 20, Int(trained.Dataset.GetProperty("splits").GetProperty("test"), "images") - Int(compared.GetProperty("leftOut"), "seenByOther"));
        Assert.True(Int(compared.GetProperty("leftOut"), "seenByOther") > 0 && Int(compared.GetProperty("leftOut"), "seenByVersion") == 0, compared.ToString());
        Assert.Contains(compared.GetProperty("verdict").GetString(), (string[])["better", "worse", "indistinguishable"]);
        // The screen breaks lines where it likes.
        Assert.Contains(compared.GetProperty("conclusion").GetString()!, string.Join(' ', shown.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains("melanoma_auc", shown.Output, StringComparison.Ordinal);
    }

    private static List<string> TestPictures(Trained trained) =>
        [.. Directory.EnumerateFiles(TestDelivery.TestFolder(trained.Stack.Folder), "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static HttpClient Http(Trained trained, string apiKey) =>
        new() { BaseAddress = trained.Stack.Gateway.Http, DefaultRequestHeaders = { { "x-api-key", apiKey } } };

    private static int Int(JsonElement document, string property) => document.GetProperty(property).GetInt32();
}
