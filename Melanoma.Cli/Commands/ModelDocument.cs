using System.Text.Json;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

internal sealed record ModelListDocument(IReadOnlyList<ModelDocument> Models);

/// <summary>
/// A model version; <c>state</c> is candidate, production or retired, <c>artefact</c> says which of its files answers (<c>fp32</c> or <c>int8</c>), the bundled one has no <c>dataset</c> and no <c>run</c>, <c>report</c>,
/// <c>datasetWarnings</c>, <c>testLooks</c> and <c>otherProtocol</c> (the same recipe under the other protocol, if there is one) are there where one version is shown.
/// </summary>
internal sealed record ModelDocument(
    string Version, string State, string Recipe, int? Dataset, string Protocol, string? Run, DateTimeOffset? CreatedAt, string Sha256, long SizeBytes, string Artefact,
    FiguresDocument? Test, FiguresDocument? Validation, string? PolicyDecision, int? TestLooks, IReadOnlyList<string>? DatasetWarnings, OtherProtocolDocument? OtherProtocol,
    JsonElement? Report)
{
    public static ModelDocument From(Model model) => From(model, withReport: false);

    public static ModelDocument From(Model model, bool withReport) => new(
        model.Version, NameOf(model.State), model.Recipe, model.Bundled ? null : model.DatasetId, model.Protocol, model.Bundled ? null : model.RunId, model.CreatedAt?.ToDateTimeOffset(), model.Sha256,
        model.SizeBytes, model.Artefact, FiguresDocument.From(model.Test), FiguresDocument.From(model.Validation),
        model.PolicyDecision.Length > 0 ? model.PolicyDecision : null,
        withReport ? model.TestLooks : null,
        withReport ? [.. model.DatasetWarnings] : null,
        model.OtherProtocol is { } other ? new(other.Version, other.Protocol, FiguresDocument.From(other.Figures)) : null,
        withReport && model.ReportJson.Length > 0 ? JsonElement.Parse(model.ReportJson) : null);

    public static string NameOf(ModelState state) => state.ToString().ToLowerInvariant();
}

/// <summary>The newest version of the same recipe under the other protocol, on test where it has one.</summary>
internal sealed record OtherProtocolDocument(string Version, string Protocol, FiguresDocument? Figures);

/// <summary>Headline figures on a split; loss in nats, the others 0 to 1.</summary>
internal sealed record FiguresDocument(int Images, double Accuracy, double BalancedAccuracy, double Loss, double? MelanomaAuc)
{
    public static FiguresDocument? From(ModelFigures? figures) => figures is null or { Images: 0 }
        ? null
        : new(figures.Images, figures.Accuracy, figures.BalancedAccuracy, figures.Loss, figures.HasMelanomaAuc ? figures.MelanomaAuc : null);
}

internal sealed record TransitionListDocument(IReadOnlyList<TransitionDocument> Transitions);

/// <summary>One change of the version in production; <c>policyDecision</c> is what the policy had said of the version, in the history alone.</summary>
internal sealed record TransitionDocument(string ToVersion, string? FromVersion, string Actor, string Reason, DateTimeOffset? Time, string? PolicyDecision)
{
    public static TransitionDocument From(ModelTransition transition) => new(
        transition.ToVersion, transition.HasFromVersion ? transition.FromVersion : null, transition.Actor, transition.Reason, transition.Time?.ToDateTimeOffset(),
        transition.PolicyDecision.Length > 0 ? transition.PolicyDecision : null);
}
