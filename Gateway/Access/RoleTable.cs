using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Melanoma.Contracts.Access;
using Melanoma.Contracts.V1;
using Microsoft.AspNetCore.Authorization;
using static Melanoma.Contracts.Access.CallerRoles;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Melanoma.Gateway.Access;

/// <summary>
/// Which roles may call what: the one table, by RPC, for gRPC and for the JSON route of the same RPC alike. Whoever has one of the named roles may call. A method
/// that is not here cannot be reached: the Gateway does not start. What is no RPC (pages of the Portal, reflection, the description of the API) asks for any credential.
/// </summary>
internal static class RoleTable
{
    private const string PolicyPrefix = "roles:";
    private const CallerRoles Everybody = All;

    private static readonly FrozenDictionary<string, CallerRoles> Roles = new[]
    {
        Rows(Classifier.Descriptor, [
            ("Classify", Classify),
            ("ClassifyStream", Classify),
            ("Explain", Classify),
            ("SendFeedback", Classify),
        ]),
        Rows(Predictions.Descriptor, [
            ("GetPrediction", Classify | Read),
            ("GetPredictionBundle", Classify | Read),
            ("ListPredictions", Classify | Read),
            ("SubscribePredictions", Classify | Read),
        ]),
        Rows(Audit.Descriptor, [
            ("VerifyAudit", Ops),
            ("ExportAudit", Ops),
        ]),
        Rows(ModelRegistry.Descriptor, [
            ("ListModels", Everybody),
            ("GetModel", Everybody),
            ("GetModelReport", Everybody),
            ("ListModelTransitions", Everybody),
            ("GetServingStatus", Everybody),
            ("CompareModels", Ops),
            ("PromoteModel", Ops),
            ("RollbackModel", Ops),
        ]),
        Rows(ImageCatalog.Descriptor, [
            ("Ingest", Data),
            ("ForgetImages", Data),
            ("GetDelivery", Data | Ops | Read),
            ("ListDeliveries", Data | Ops | Read),
            ("ListDeliveryFiles", Data | Ops | Read),
            ("GetClassDistribution", Data | Ops | Read),
            ("ListImages", Data | Read),
            ("GetImage", Data | Read),
            ("ReadImage", Data),
        ]),
        Rows(Datasets.Descriptor, [
            ("CreateDataset", Data | Ops),
            ("ExportDataset", Data),
            ("ListDatasets", Data | Ops | Read),
            ("GetDataset", Data | Ops | Read),
            ("DiffDatasets", Data | Ops | Read),
        ]),
        Rows(Reviews.Descriptor, [
            ("ListReviewItems", Data),
            ("GetNextReviewItem", Data),
            ("SettleImages", Data),
            ("ExcludeImages", Data),
            ("DeferReviewItems", Data),
            ("ConfirmLesionViews", Data),
            ("RejectLesionViews", Data),
            ("UndoDecision", Data),
            ("ListDecisions", Data),
        ]),
        Rows(TrainingRuns.Descriptor, [
            ("StartRun", Ops),
            ("CancelRun", Ops),
            ("PauseRun", Ops),
            ("ResumeRun", Ops),
            ("GetRun", Data | Ops | Read),
            ("ListRuns", Data | Ops | Read),
            ("WatchRun", Data | Ops | Read),
            ("ListRecipes", Data | Ops | Read),
        ]),
        Rows(CrossValidations.Descriptor, [
            ("StartCrossValidation", Ops),
            ("CancelCrossValidation", Ops),
            ("GetCrossValidation", Data | Ops | Read),
            ("ListCrossValidations", Data | Ops | Read),
        ]),
        Rows(Contracts.V1.Keys.Descriptor, [
            ("CreateKey", Ops),
            ("ListKeys", Ops),
            ("RotateKey", Ops),
            ("RevokeKey", Ops),
        ]),
        Rows(Contracts.V1.Operations.Descriptor, [
            ("GetStatus", Ops),
            ("ListFailedMessages", Ops),
            ("GetFailedMessage", Ops),
            ("ReplayMessages", Ops),
            ("DiscardMessages", Ops),
        ]),
    }.SelectMany(rows => rows).ToFrozenDictionary(row => row.Method, row => row.Roles);

    /// <summary>Every set of roles that occurs.</summary>
    public static IEnumerable<CallerRoles> Combinations => Roles.Values.Distinct();

    /// <summary>The methods that have a row, by their full names.</summary>
    public static IEnumerable<string> Methods => Roles.Keys;

    /// <summary>Who may call a method.</summary>
    /// <exception cref="InvalidOperationException">The table says nothing of it.</exception>
    public static CallerRoles Of(MethodDescriptor method) =>
        Roles.TryGetValue(method.FullName, out var roles) ? roles : throw new InvalidOperationException($"No role is declared for {method.FullName}: add it to {nameof(RoleTable)}.");

    /// <summary>Name of the policy that asks for one of these roles.</summary>
    public static string PolicyOf(CallerRoles roles) => PolicyPrefix + string.Join(" or ", roles.Names());

    /// <summary>What an endpoint asks for, as words; empty where any credential will do.</summary>
    public static string WantedAt(Endpoint? endpoint) => endpoint?.Metadata.GetOrderedMetadata<IAuthorizeData>()
        .Select(wanted => wanted.Policy)
        .LastOrDefault(policy => policy?.StartsWith(PolicyPrefix, StringComparison.Ordinal) == true)?[PolicyPrefix.Length..] ?? "";

    private static IEnumerable<(string Method, CallerRoles Roles)> Rows(ServiceDescriptor service, (string Name, CallerRoles Roles)[] rows) => rows.Select(row =>
        (service.FindMethodByName(row.Name)?.FullName ?? throw new InvalidOperationException($"{service.FullName} has no method {row.Name}."), row.Roles));
}
