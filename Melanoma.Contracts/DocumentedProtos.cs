using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Melanoma.Contracts;

/// <summary>The protos with their comments, which the generated code does not have.</summary>
public static class DocumentedProtos
{
    /// <summary>The package of this product's own protos.</summary>
    public const string Package = "melanoma.v1";

    /// <summary>The files of <see cref="Package"/>, in the order of their names. <see cref="DescriptorBase.Declaration"/> of what is in them has the comments.</summary>
    public static IReadOnlyList<FileDescriptor> Load()
    {
        using var resource = typeof(DocumentedProtos).Assembly.GetManifestResourceStream("documented.binpb")
            ?? throw new InvalidOperationException("The descriptors of the protos were not embedded when Melanoma.Contracts was built.");
        var files = FileDescriptorSet.Parser.ParseFrom(resource).File.Select(file => file.ToByteString());
        return [.. FileDescriptor.BuildFromByteStrings(files, new ExtensionRegistry { AnnotationsExtensions.Http }).Where(file => file.Package == Package).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }
}
