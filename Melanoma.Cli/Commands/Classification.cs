using System.Text.Json.Serialization;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What became of one picture; <c>status</c> is <c>OK</c> or the name of the gRPC status, then with <c>error</c>.</summary>
internal sealed record Classification(
    string File, string Status, string? Diagnosis, Dictionary<string, double>? Probabilities, string? ModelVersion, string? PredictionId, string? Error)
{
    [JsonIgnore]
    public bool IsAnswer => Status == "OK";

    /// <summary>Whether the refusal was about this picture alone, so that its neighbours may fare better.</summary>
    [JsonIgnore]
    public bool ConcernsPictureOnly { get; private init; } = true;

    public static Classification Answered(string file, ClassifyResponse answer) => new(
        file, "OK", answer.Diagnosis, answer.Probabilities.ToDictionary(item => item.Diagnosis, item => item.Probability), answer.ModelVersion, answer.PredictionId, null);

    public static Classification Refused(string file, RpcException failure) => new(
        file, GatewayFailure.Name(failure.StatusCode), null, null, null, null, GatewayFailure.Explain(failure))
    {
        ConcernsPictureOnly = failure.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted or StatusCode.OutOfRange,
    };

    public static Classification Unreadable(string file, string why) => new(file, GatewayFailure.Name(StatusCode.InvalidArgument), null, null, null, null, why);
}
