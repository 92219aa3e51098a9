using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Authorization;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Melanoma.Gateway.Access;

/// <summary>Puts the rows of <see cref="RoleTable"/> on the endpoints of services that the Gateway answers itself.</summary>
internal static class RoleRequirements
{
    /// <summary>Asks each endpoint's callers for the roles of its method, over gRPC and as JSON.</summary>
    public static void RequireRolesOfTable(this GrpcServiceEndpointConventionBuilder service, ServiceDescriptor descriptor) => service.Add(endpoint =>
    {
        if (endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault() is { } method)
            endpoint.Metadata.Add(new AuthorizeAttribute(RoleTable.PolicyOf(RoleTable.Of(descriptor.FindMethodByName(method.Method.Name)))));
    });
}
