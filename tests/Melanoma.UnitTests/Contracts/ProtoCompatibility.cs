using Google.Api;
using Google.Protobuf.Reflection;

namespace Melanoma.UnitTests.Contracts;

/// <summary>
/// What a client that was built on released protos may not meet in newer ones, by the rules of <c>buf breaking</c> (categories FILE and WIRE_JSON): nothing goes away unless its number and its
/// name are reserved, and nothing that stays is called otherwise, on the wire, in JSON, in a route or in generated code.
/// </summary>
internal static class ProtoCompatibility
{
    /// <summary>Reads descriptors together with the JSON routes in their options.</summary>
    public static FileDescriptorSet Read(Stream descriptors) =>
        FileDescriptorSet.Parser.WithExtensionRegistry([AnnotationsExtensions.Http]).ParseFrom(descriptors);

    /// <summary>One sentence for each thing that breaks a client; empty when all are served.</summary>
    public static IReadOnlyList<string> Compare(FileDescriptorSet released, FileDescriptorSet current)
    {
        var complaints = new List<string>();
        foreach (var before in released.File)
        {
            if (current.File.SingleOrDefault(file => file.Name == before.Name) is { } now)
                CompareFiles(before, now, complaints);
            else
                complaints.Add($"{before.Name} is gone.");
        }

        return complaints;
    }

    private static void CompareFiles(FileDescriptorProto before, FileDescriptorProto now, List<string> complaints)
    {
        Same(before.Name, "package", before.Package, now.Package, complaints);
        Same(before.Name, "syntax", before.Syntax, now.Syntax, complaints);
        Same(before.Name, "csharp_namespace", before.Options?.CsharpNamespace ?? "", now.Options?.CsharpNamespace ?? "", complaints);
        CompareAll(before.Name, MessagesOf(before), MessagesOf(now), CompareMessages, complaints);
        CompareAll(before.Name, EnumsOf(before), EnumsOf(now), CompareEnums, complaints);
        CompareAll(before.Name, before.Service.ToDictionary(service => service.Name), now.Service.ToDictionary(service => service.Name), CompareServices, complaints);
    }

    private static void CompareMessages(string name, DescriptorProto before, DescriptorProto now, List<string> complaints)
    {
        var numbers = now.ReservedRange.Select(range => (range.Start, End: range.End - 1)).ToArray();
        foreach (var field in before.Field)
        {
            if (now.Field.SingleOrDefault(candidate => candidate.Number == field.Number) is { } found)
                CompareFields($"{name}.{field.Name}", (before, field), (now, found), complaints);
            else if (!(Covers(numbers, field.Number) && now.ReservedName.Contains(field.Name)))
                complaints.Add($"{name}.{field.Name} is gone: reserve its number {field.Number} and its name.");
        }

        foreach (var range in before.ReservedRange.Where(range => !Covers(numbers, range.Start, range.End - 1)))
            complaints.Add($"{name} no longer reserves {range.Start} to {range.End - 1}.");
        foreach (var reserved in before.ReservedName.Except(now.ReservedName))
            complaints.Add($"{name} no longer reserves the name {reserved}.");
    }

    private static void CompareFields(
        string name, (DescriptorProto Message, FieldDescriptorProto Field) before, (DescriptorProto Message, FieldDescriptorProto Field) now, List<string> complaints)
    {
        Same(name, "name", before.Field.Name, now.Field.Name, complaints);
        Same(name, "JSON name", before.Field.JsonName, now.Field.JsonName, complaints);
        Same(name, "type", TypeOf(before.Field), TypeOf(now.Field), complaints);
        Same(name, "label", LabelOf(before.Field), LabelOf(now.Field), complaints);
        Same(name, "oneof", OneofOf(before.Message, before.Field), OneofOf(now.Message, now.Field), complaints);
    }

    private static void CompareEnums(string name, EnumDescriptorProto before, EnumDescriptorProto now, List<string> complaints)
    {
        var numbers = now.ReservedRange.Select(range => (range.Start, range.End)).ToArray();
        foreach (var value in before.Value)
        {
            if (now.Value.SingleOrDefault(candidate => candidate.Number == value.Number) is { } found)
                Same($"{name}.{value.Name}", "name", value.Name, found.Name, complaints);
            else if (!(Covers(numbers, value.Number) && now.ReservedName.Contains(value.Name)))
                complaints.Add($"{name}.{value.Name} is gone: reserve its number {value.Number} and its name.");
        }

        foreach (var range in before.ReservedRange.Where(range => !Covers(numbers, range.Start, range.End)))
            complaints.Add($"{name} no longer reserves {range.Start} to {range.End}.");
        foreach (var reserved in before.ReservedName.Except(now.ReservedName))
            complaints.Add($"{name} no longer reserves the name {reserved}.");
    }

    private static void CompareServices(string service, ServiceDescriptorProto before, ServiceDescriptorProto now, List<string> complaints)
    {
        var methods = now.Method.ToDictionary(method => method.Name);
        foreach (var method in before.Method)
        {
            var name = $"{service}.{method.Name}";
            if (!methods.TryGetValue(method.Name, out var found))
            {
                complaints.Add($"{name} is gone.");
                continue;
            }

            Same(name, "request", RequestOf(method), RequestOf(found), complaints);
            Same(name, "response", ResponseOf(method), ResponseOf(found), complaints);
            // A route may come later; then it stays.
            if (RouteOf(method) is { } route)
                Same(name, "route", route, RouteOf(found) ?? "none", complaints);
        }
    }

    // Also what moved is gone from where stubs in C++ and Python import it.
    private static void CompareAll<T>(
        string file, Dictionary<string, T> before, Dictionary<string, T> now, Action<string, T, T, List<string>> compare, List<string> complaints)
    {
        foreach (var (name, part) in before)
        {
            if (now.TryGetValue(name, out var found))
                compare(name, part, found, complaints);
            else
                complaints.Add($"{name} is gone from {file}.");
        }
    }

    private static void Same(string name, string what, string before, string now, List<string> complaints)
    {
        if (before != now)
            complaints.Add($"{name} has another {what}: {before} became {now}.");
    }

    private static Dictionary<string, DescriptorProto> MessagesOf(FileDescriptorProto file) => MessagesOf(file.MessageType, "").ToDictionary();

    private static IEnumerable<KeyValuePair<string, DescriptorProto>> MessagesOf(IEnumerable<DescriptorProto> messages, string scope) =>
        messages.SelectMany(message => MessagesOf(message.NestedType, $"{scope}{message.Name}.").Prepend(new(scope + message.Name, message)));

    private static Dictionary<string, EnumDescriptorProto> EnumsOf(FileDescriptorProto file) => file.EnumType.Select(type => KeyValuePair.Create(type.Name, type))
        .Concat(MessagesOf(file).SelectMany(message => message.Value.EnumType.Select(type => KeyValuePair.Create($"{message.Key}.{type.Name}", type)))).ToDictionary();

    private static bool Covers((int Start, int End)[] ranges, int number) => Covers(ranges, number, number);

    private static bool Covers((int Start, int End)[] ranges, int first, int last) => ranges.Any(range => range.Start <= first && last <= range.End);

    private static string TypeOf(FieldDescriptorProto field) => field.TypeName.Length > 0 ? field.TypeName.TrimStart('.') : field.Type.ToString();

    // Whether a field says that it is not there shows in generated code and in JSON.
    private static string LabelOf(FieldDescriptorProto field) => field.Proto3Optional ? "explicit" : field.Label.ToString();

    private static string OneofOf(DescriptorProto message, FieldDescriptorProto field) => field is { HasOneofIndex: true, Proto3Optional: false } ? message.OneofDecl[field.OneofIndex].Name : "none";

    private static string RequestOf(MethodDescriptorProto method) => $"{(method.ClientStreaming ? "stream " : "")}{method.InputType.TrimStart('.')}";

    private static string ResponseOf(MethodDescriptorProto method) => $"{(method.ServerStreaming ? "stream " : "")}{method.OutputType.TrimStart('.')}";

    private static string? RouteOf(MethodDescriptorProto method) => method.Options?.GetExtension(AnnotationsExtensions.Http)?.ToString();
}
