using Google.Protobuf.Reflection;
using Melanoma.Contracts;
using Melanoma.Gateway.OpenApi;

namespace Melanoma.UnitTests.Contracts;

public sealed class ProtoDocumentationTests
{
    private static readonly IReadOnlyList<FileDescriptor> Files = DocumentedProtos.Load();

    [Fact]
    public void Should_say_of_everything_what_it_is_when_somebody_reads_the_protos()
    {
        var declared = Files.SelectMany(Declared).ToArray();

        Assert.True(declared.Length > 500, $"Only {declared.Length} declarations were found.");
        Assert.Empty(declared.Where(descriptor => Remarks.Of(descriptor) is { Paragraphs: [], Refusals: [] }).Select(descriptor => descriptor.FullName));
    }

    [Fact]
    public void Should_name_refusals_when_an_RPC_is_asked_for_something()
    {
        var silent = Methods().Where(method => method.InputType.Fields.InDeclarationOrder().Count > 0 && Remarks.Of(method).Refusals.Length == 0);

        Assert.Empty(silent.Select(method => method.FullName));
    }

    [Fact]
    public void Should_name_NOT_FOUND_when_an_RPC_is_asked_for_one_thing()
    {
        var silent = Methods().Select(ApiMethod.Of).Where(method => method.PathFields.Any() && method.Remarks.Refusals.All(refusal => refusal.Status.Name != "NOT_FOUND"));

        Assert.Empty(silent.Select(method => method.Descriptor.FullName));
    }

    private static IEnumerable<MethodDescriptor> Methods() => Files.SelectMany(file => file.Services).SelectMany(service => service.Methods);

    private static IEnumerable<DescriptorBase> Declared(FileDescriptor file) =>
    [
        .. file.Services, .. file.Services.SelectMany(service => service.Methods),
        .. file.EnumTypes.SelectMany(Declared), .. file.MessageTypes.SelectMany(Declared),
    ];

    private static IEnumerable<DescriptorBase> Declared(MessageDescriptor message) =>
        [message, .. message.Fields.InDeclarationOrder(), .. message.EnumTypes.SelectMany(Declared), .. message.NestedTypes.Where(nested => !nested.IsMapEntry).SelectMany(Declared)];

    private static IEnumerable<DescriptorBase> Declared(EnumDescriptor type) => [type, .. type.Values];
}
