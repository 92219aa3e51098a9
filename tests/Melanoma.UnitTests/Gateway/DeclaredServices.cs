using Google.Protobuf.Reflection;
using Melanoma.Contracts.V1;

namespace Melanoma.UnitTests.Gateway;

/// <summary>Every gRPC service that the contracts declare.</summary>
internal static class DeclaredServices
{
    public static IEnumerable<ServiceDescriptor> All => typeof(ClassifierReflection).Assembly.GetTypes()
        .Select(type => type.GetProperty("Descriptor")?.GetValue(null))
        .OfType<FileDescriptor>()
        .Where(file => file.Package == "melanoma.v1")
        .SelectMany(file => file.Services);
}
