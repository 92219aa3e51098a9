// Asks a Melanoma Gateway about a picture. For research, not a medical device.
// Exit codes: 0 answered; 1 refused, asking again does not help; 2 called wrongly; 75 busy or away, ask again later with the same idempotency key.
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;
using Melanoma.Contracts.V1;

var apiKey = Environment.GetEnvironmentVariable("MELANOMA_API_KEY");
if (args.Length is < 2 or > 3 || string.IsNullOrEmpty(apiKey))
{
    Console.Error.WriteLine("Usage: MELANOMA_API_KEY=... ClassifySample http[s]://HOST:PORT PICTURE [CASE_REFERENCE]");
    return 2;
}

// The client repeats by itself what is worth repeating, after the delay that a busy server asks for.
var retries = new MethodConfig
{
    Names = { new MethodName { Service = "melanoma.v1.Classifier" } },
    RetryPolicy = new RetryPolicy
    {
        MaxAttempts = 5,
        InitialBackoff = TimeSpan.FromSeconds(0.2),
        MaxBackoff = TimeSpan.FromSeconds(5),
        BackoffMultiplier = 2,
        RetryableStatusCodes = { StatusCode.Unavailable, StatusCode.ResourceExhausted },
    },
};
using var channel = GrpcChannel.ForAddress(args[0], new GrpcChannelOptions
{
    ServiceConfig = new ServiceConfig { MethodConfigs = { retries } },
    // Only what fits in here is ever repeated: the default is 1 MiB, a picture may have 20 MB.
    MaxRetryBufferPerCallSize = 21 * 1024 * 1024,
    MaxRetryBufferSize = 64 * 1024 * 1024,
});

// A system of yours stores the idempotency key with its order: the same one gets the same answer, however often it has to ask.
var idempotencyKey = Environment.GetEnvironmentVariable("MELANOMA_IDEMPOTENCY_KEY") ?? Guid.NewGuid().ToString();
try
{
    var request = new ClassifyRequest { Image = ByteString.CopyFrom(await File.ReadAllBytesAsync(args[1])) };
    if (args.Length > 2)
        request.CaseReference = args[2];
    var answer = await new Classifier.ClassifierClient(channel).ClassifyAsync(
        request, new Metadata { { "x-api-key", apiKey }, { "idempotency-key", idempotencyKey } }, deadline: DateTime.UtcNow.AddSeconds(60));
    var decision = string.Join(", ", answer.Reasons.Select(reason => reason.Code).Prepend(answer.Decision.ToString()));
    Console.WriteLine($"decision: {decision}\ndiagnosis: {answer.Diagnosis}\nmelanoma probability: {answer.MelanomaProbability:f4}");
    Console.WriteLine($"model version: {answer.ModelVersion}\nprediction id: {answer.PredictionId}\nnotice: {answer.Notice}");
    return 0;
}
catch (RpcException refusal)
{
    Console.Error.WriteLine($"{refusal.StatusCode}: {refusal.Status.Detail}");
    return refusal.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.DeadlineExceeded ? 75 : 1;
}
catch (IOException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 1;
}
