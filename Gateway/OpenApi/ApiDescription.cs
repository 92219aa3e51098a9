using System.Collections.Immutable;
using Google.Api;
using Google.Protobuf.Reflection;
using Melanoma.Contracts;
using Melanoma.Gateway.Routing;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Melanoma.Gateway.OpenApi;

/// <summary>The whole interface as the protos describe it: what the OpenAPI document and the page are made of.</summary>
/// <param name="Services">In the order of their files; those that hospitals call first lead.</param>
/// <param name="Messages">All messages, by name.</param>
/// <param name="Enums">All enums, by name.</param>
internal sealed record ApiDescription(ImmutableArray<ApiService> Services, ImmutableArray<MessageDescriptor> Messages, ImmutableArray<EnumDescriptor> Enums)
{
    private static readonly string[] First = ["Classifier", "Predictions", "ModelRegistry"];

    public static ApiDescription Load()
    {
        var files = DocumentedProtos.Load();
        var services = files.SelectMany(file => file.Services)
            .OrderBy(service => Array.IndexOf(First, service.Name) is var place && place >= 0 ? place : First.Length).ThenBy(service => service.Name, StringComparer.Ordinal);
        return new ApiDescription(
            [.. services.Select(service => new ApiService(service, Remarks.Of(service), [.. service.Methods.Select(ApiMethod.Of)]))],
            [.. files.SelectMany(file => file.MessageTypes).OrderBy(message => message.Name, StringComparer.Ordinal)],
            [.. files.SelectMany(file => file.EnumTypes).OrderBy(type => type.Name, StringComparer.Ordinal)]);
    }
}

/// <summary>A gRPC service.</summary>
internal sealed record ApiService(ServiceDescriptor Descriptor, Remarks Remarks, ImmutableArray<ApiMethod> Methods)
{
    public string Name => Descriptor.Name;
}

/// <summary>An RPC, and its JSON route where it has one.</summary>
/// <param name="Descriptor">The RPC.</param>
/// <param name="Remarks">What its comment says.</param>
/// <param name="Http">Its JSON route; null where it is for gRPC alone.</param>
internal sealed record ApiMethod(MethodDescriptor Descriptor, Remarks Remarks, JsonRoute? Http)
{
    public string Name => Descriptor.Name;

    /// <summary>Unique among all: it is also the operation's id and the page's anchor.</summary>
    public string Id => $"{Descriptor.Service.Name}_{Descriptor.Name}";

    /// <summary>The fields of the request that stand in the path.</summary>
    public IEnumerable<FieldDescriptor> PathFields => Fields.Where(IsInPath);

    /// <summary>The fields of the request that stand in the body, or in the query where there is no body.</summary>
    public IEnumerable<FieldDescriptor> OtherFields => Fields.Where(candidate => !IsInPath(candidate));

    private IEnumerable<FieldDescriptor> Fields => Descriptor.InputType.Fields.InDeclarationOrder();

    public static ApiMethod Of(MethodDescriptor method)
    {
        var rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http);
        return new ApiMethod(method, Remarks.Of(method), rule is null ? null : JsonRoute.Of(rule));
    }

    private bool IsInPath(FieldDescriptor field) => Http?.Path.Contains($"{{{field.Name}}}", StringComparison.Ordinal) == true;
}

/// <summary>Where an RPC is called with JSON.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Template; a variable is the name of a field of the request.</param>
/// <param name="HasBody">Whether all other fields are the body; else they are the query.</param>
internal sealed record JsonRoute(string Method, string Path, bool HasBody)
{
    public static JsonRoute Of(HttpRule rule)
    {
        var (method, path) = RouteTable.PatternOf(rule);
        return rule.Body is "" or "*" ? new JsonRoute(method, path, rule.Body == "*") : throw new InvalidOperationException($"The HTTP rule {rule} has a body that is not \"*\".");
    }
}
