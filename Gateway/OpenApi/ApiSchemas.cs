using System.Text.Json.Nodes;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Melanoma.Gateway.OpenApi;

/// <summary>
/// Schemas of messages as JSON transcoding reads and writes them: names in lowerCamelCase, bytes as base64, enums as names, 64-bit integers as numbers, fields without a value of their
/// own left out where the proto says <c>optional</c>, and written with their default value elsewhere.
/// </summary>
internal sealed class ApiSchemas
{
    private readonly SortedDictionary<string, JsonObject> _components = new(StringComparer.Ordinal);
    private readonly HashSet<string> _sent;

    /// <param name="sent">Messages that callers send, also inside others. All fields of the others are known to be written.</param>
    public ApiSchemas(IEnumerable<MessageDescriptor> sent)
    {
        _sent = [];
        foreach (var message in sent)
            AddSent(message);
    }

    /// <summary>All schemas that were referred to, by name.</summary>
    public JsonObject ToJson() => new(_components.Select(component => KeyValuePair.Create<string, JsonNode?>(component.Key, component.Value.DeepClone())));

    /// <summary>A reference to the schema of a message or an enum, which is made when it is first asked for.</summary>
    public JsonObject Reference(MessageDescriptor message) => Reference(message.Name, () => ObjectOf(message.Fields.InDeclarationOrder(), Remarks.Of(message).Text, allWritten: !_sent.Contains(message.FullName)));

    /// <summary>A reference to the schema of some fields of a message.</summary>
    public JsonObject Reference(string name, IEnumerable<FieldDescriptor> fields, string description) => Reference(name, () => ObjectOf(fields, description, allWritten: false));

    /// <summary>The schema of a field, with its comment.</summary>
    public JsonObject Of(FieldDescriptor field)
    {
        var schema = field switch
        {
            { IsMap: true } => new JsonObject { ["type"] = "object", ["additionalProperties"] = ValueOf(field.MessageType.FindFieldByNumber(2)) },
            { IsRepeated: true } => new JsonObject { ["type"] = "array", ["items"] = ValueOf(field) },
            _ => ValueOf(field),
        };
        // What stands beside a reference is not read in OpenAPI 3.0.
        if (schema.ContainsKey("$ref"))
            schema = new JsonObject { ["allOf"] = new JsonArray(schema) };
        schema["description"] = Remarks.Of(field).Text;
        return schema;
    }

    private JsonObject ValueOf(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName switch
        {
            var name when name == Timestamp.Descriptor.FullName => new JsonObject { ["type"] = "string", ["format"] = "date-time" },
            var name when name == Duration.Descriptor.FullName => new JsonObject { ["type"] = "string", ["pattern"] = @"^-?\d+(\.\d+)?s$" },
            var name when name.StartsWith("google.", StringComparison.Ordinal) => throw new InvalidOperationException($"{field.FullName} is a {name}, whose JSON is not described yet."),
            _ => Reference(field.MessageType),
        },
        FieldType.Enum => Reference(field.EnumType.Name, () => EnumOf(field.EnumType)),
        FieldType.Bool => new JsonObject { ["type"] = "boolean" },
        FieldType.String => new JsonObject { ["type"] = "string" },
        FieldType.Bytes => new JsonObject { ["type"] = "string", ["format"] = "byte" },
        FieldType.Float => new JsonObject { ["type"] = "number", ["format"] = "float" },
        FieldType.Double => new JsonObject { ["type"] = "number", ["format"] = "double" },
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => new JsonObject { ["type"] = "integer", ["format"] = "int32" },
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => new JsonObject { ["type"] = "integer", ["format"] = "int64" },
        FieldType.UInt32 or FieldType.Fixed32 or FieldType.UInt64 or FieldType.Fixed64 => new JsonObject { ["type"] = "integer", ["format"] = "int64", ["minimum"] = 0 },
        _ => throw new InvalidOperationException($"{field.FullName} is a {field.FieldType}, which has no JSON."),
    };

    private JsonObject ObjectOf(IEnumerable<FieldDescriptor> fields, string description, bool allWritten)
    {
        var properties = new JsonObject();
        var written = new JsonArray();
        foreach (var field in fields)
        {
            properties[field.JsonName] = Of(field);
            if (allWritten && !field.HasPresence)
                written.Add(field.JsonName);
        }

        var schema = new JsonObject { ["type"] = "object", ["description"] = description, ["properties"] = properties };
        if (written.Count > 0)
            schema["required"] = written;
        return schema;
    }

    private static JsonObject EnumOf(EnumDescriptor type) => new()
    {
        ["type"] = "string",
        ["description"] = string.Join("\n", type.Values.Select(value => $"- `{value.Name}`: {Remarks.Of(value).Text}").Prepend(Remarks.Of(type).Text + "\n")),
        ["enum"] = new JsonArray([.. type.Values.Select(value => JsonValue.Create(value.Name))]),
    };

    private JsonObject Reference(string name, Func<JsonObject> make)
    {
        if (!_components.ContainsKey(name))
        {
            // Known before it is made: a message may have itself inside.
            _components[name] = [];
            _components[name] = make();
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    private void AddSent(MessageDescriptor message)
    {
        if (!_sent.Add(message.FullName))
            return;
        foreach (var field in message.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message))
            AddSent(field.MessageType);
    }
}
