using Melanoma.Contracts.V1;
using Melanoma.Portal.Access;
using Melanoma.ServiceDefaults.Grpc;

namespace Melanoma.Portal.Classification;

/// <summary>The page that classifies a picture.</summary>
internal static class ClassificationRegistration
{
    public static void AddClassification(this WebApplicationBuilder builder) =>
        builder.Services.AddGatewayClient<Classifier.ClassifierClient>(MelanomaGrpc.MaxMessageBytes);
}
