using System.Globalization;
using System.Security.Cryptography;
using Melanoma.Contracts.V1;

namespace Melanoma.EndToEndTests;

/// <summary>Clients in four languages against the whole product.</summary>
[Collection<WithTrainedModel>]
public sealed class SampleClientTests(TrainedModel trainedModel)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("csharp")]
    [InlineData("python")]
    [InlineData("node")]
    [InlineData("curl")]
    public async Task Should_print_what_the_service_answered_when_a_sample_asks_about_a_picture(string language)
    {
        var trained = await trainedModel.GetAsync(Cancellation);
        var stack = trained.Stack;
        var client = await SampleClient.PrepareAsync(language, stack.Folder, Cancellation);
        var picture = Directory.EnumerateFiles(TestDelivery.TestFolder(stack.Folder), "*.jpg", SearchOption.AllDirectories).First();

        var printed = (await client.AskAsync(client.SpeaksJson ? stack.Gateway.Http : stack.Gateway.Grpc, stack.ApiKey, picture, new Dictionary<string, string>(), Cancellation))
            .Succeeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": ", 2)).ToDictionary(line => line[0], line => line[1]);

        Assert.Equal(["decision", "diagnosis", "melanoma probability", "model version", "prediction id", "notice"], printed.Keys);
        var kept = await new Predictions.PredictionsClient(stack.Invoker).GetPredictionAsync(new GetPredictionRequest { PredictionId = printed["prediction id"] }, cancellationToken: Cancellation);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(picture, Cancellation))), kept.ImageSha256);
        Assert.Equal("case-7", kept.CaseReference);
        Assert.Equal(kept.Decision, DecisionOf(printed["decision"]));
        Assert.Equal(kept.Reasons, printed["decision"].Split(", ").Skip(1));
        Assert.Equal(kept.Diagnosis, printed["diagnosis"]);
        Assert.Equal(kept.Probabilities.Single(item => item.Diagnosis == "melanoma").Probability, double.Parse(printed["melanoma probability"], CultureInfo.InvariantCulture), 0.000051);
        Assert.Equal((trained.ModelVersion, trained.ModelVersion), (kept.ModelVersion, printed["model version"]));
    }

    [Theory]
    [InlineData("csharp", "InvalidArgument: ")]
    [InlineData("python", "INVALID_ARGUMENT: ")]
    [InlineData("node", "INVALID_ARGUMENT: ")]
    [InlineData("curl", "InvalidArgument: ")]
    public async Task Should_say_why_and_end_with_1_when_asking_again_does_not_help(string language, string status)
    {
        var stack = (await trainedModel.GetAsync(Cancellation)).Stack;
        var client = await SampleClient.PrepareAsync(language, stack.Folder, Cancellation);
        var noPicture = Path.Combine(stack.Folder, $"no-picture-{language}.jpg");
        await File.WriteAllTextAsync(noPicture, "no picture", Cancellation);

        var refused = await client.AskAsync(client.SpeaksJson ? stack.Gateway.Http : stack.Gateway.Grpc, stack.ApiKey, noPicture, new Dictionary<string, string>(), Cancellation);

        Assert.Equal((1, ""), (refused.ExitCode, refused.Output));
        Assert.StartsWith(status, refused.Errors, StringComparison.Ordinal);
    }

    // C# names enum values in its own manner.
    private static Decision DecisionOf(string printed) => Enum.Parse<Decision>(printed.Split(", ")[0].Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
}
