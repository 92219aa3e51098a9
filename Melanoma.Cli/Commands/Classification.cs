using System.Text.Json.Serialization;
using Grpc.Core;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>What became of one picture; <c>status</c> is <c>OK</c> or the name of the gRPC status, then with <c>error</c>.</summary>
internal sealed record Classification(
    string File, string Status, string? Diagnosis, Dictionary<string, double>? Probabilities, string? ModelVersion, string? PredictionId, string? Error)
{
    /// <summary>What is advised: REFER, REVIEW, LOW_RISK or INDETERMINATE.</summary>
    public string? Decision { get; private init; }

    /// <summary>Why it is INDETERMINATE.</summary>
    public IReadOnlyList<DecisionReason>? Reasons { get; private init; }

    public double? MelanomaProbability { get; private init; }

    public double? MalignancyProbability { get; private init; }

    [JsonIgnore]
    public bool IsAnswer => Status == "OK";

    /// <summary>Whether the refusal was about this picture alone, so that its neighbours may fare better.</summary>
    [JsonIgnore]
    public bool ConcernsPictureOnly { get; private init; } = true;

    public static Classification Answered(string file, ClassifyResponse answer) => new(
        file, "OK", answer.Diagnosis, answer.Probabilities.ToDictionary(item => item.Diagnosis, item => item.Probability), answer.ModelVersion, answer.PredictionId, null)
    {
        Decision = NameOf(answer.Decision),
        Reasons = [.. answer.Reasons.Select(reason => new DecisionReason(reason.Code, reason.Message))],
        MelanomaProbability = answer.MelanomaProbability,
        MalignancyProbability = answer.MalignancyProbability,
    };

    public static Classification Refused(string file, RpcException failure) => new(
        file, GatewayFailure.Name(failure.StatusCode), null, null, null, null, GatewayFailure.Explain(failure))
    {
        ConcernsPictureOnly = failure.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted or StatusCode.OutOfRange,
    };

    /// <summary>The decision as the API spells it; null where there is none.</summary>
    public static string? NameOf(Contracts.V1.Decision decision) => decision switch
    {
        Contracts.V1.Decision.Refer => "REFER",
        Contracts.V1.Decision.Review => "REVIEW",
        Contracts.V1.Decision.LowRisk => "LOW_RISK",
        Contracts.V1.Decision.Indeterminate => "INDETERMINATE",
        _ => null,
    };

    public static Classification Unreadable(string file, string why) => new(file, GatewayFailure.Name(StatusCode.InvalidArgument), null, null, null, null, why);
}

/// <summary>Why a picture deserves no decision.</summary>
/// <param name="Code">A word for programs.</param>
/// <param name="Message">A sentence.</param>
internal sealed record DecisionReason(string Code, string Message);
