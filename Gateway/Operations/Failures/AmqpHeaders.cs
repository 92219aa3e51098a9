using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RabbitMQ.Client;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>Headers of messages as JSON that Postgres takes, and back. Whatever a header holds, something comes out that can be stored and shown.</summary>
internal static class AmqpHeaders
{
    private const int MaxDepth = 8;
    private const int MaxFailureText = 8_000;

    private static readonly string[] OfFailure = ["MT-Fault-", "MT-Host-", "MT-Reason", "x-death", "x-first-death-", "x-last-death-", .. OfDelivery];

    private static string[] OfDelivery => ["x-delivery-count", "x-acquired-count"];

    /// <summary>Whether a header tells of the failure or of deliveries, and not of the message.</summary>
    public static bool IsOfFailure(string name) => StartsWithAny(name, OfFailure);

    /// <summary>Whether a header may be another when the same message is delivered again.</summary>
    public static bool IsOfDelivery(string name) => StartsWithAny(name, OfDelivery);

    /// <summary>The headers in the order of their names. Texts that tell of the failure keep their beginning.</summary>
    public static JsonObject ToJson(IDictionary<string, object?>? headers)
    {
        var json = new JsonObject();
        foreach (var (name, value) in (headers ?? new Dictionary<string, object?>()).OrderBy(header => header.Key, StringComparer.Ordinal))
        {
            var node = ToNode(value, depth: 0);
            json[Clean(name)] = IsOfFailure(name) && node is JsonValue text && text.TryGetValue<string>(out var words) && words.Length > MaxFailureText
                ? Clean(words, MaxFailureText)
                : node;
        }

        return json;
    }

    /// <summary>The headers of the message itself, as they are put on it again.</summary>
    public static Dictionary<string, object?> FromJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().Where(header => !IsOfFailure(header.Name))
            .ToDictionary(header => header.Name, header => FromElement(header.Value));
    }

    /// <summary>A text that Postgres takes: without NUL and half characters, and no longer than asked for.</summary>
    public static string Clean(string text, int maxLength = int.MaxValue)
    {
        var part = text.Length > maxLength ? text[..maxLength] : text;
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(part)).Replace('\0', '\uFFFD');
    }

    /// <summary>A header's text, or null.</summary>
    public static string? TextOf(JsonObject headers, string name) => headers[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        var other => other.ToJsonString(),
    };

    private static JsonNode? ToNode(object? value, int depth) => value switch
    {
        null => null,
        _ when depth > MaxDepth => JsonValue.Create("nested too deeply to be kept"),
        byte[] bytes => JsonValue.Create(Clean(Encoding.UTF8.GetString(bytes))),
        string text => JsonValue.Create(Clean(text)),
        bool flag => JsonValue.Create(flag),
        sbyte or byte or short or ushort or int or uint or long => JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        float or double => FromDouble(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
        AmqpTimestamp time => JsonValue.Create(time.UnixTime),
        IDictionary<string, object?> table => ToObject(table, depth),
        System.Collections.IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(item => ToNode(item, depth + 1))]),
        _ => JsonValue.Create(Clean(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")),
    };

    private static JsonObject ToObject(IDictionary<string, object?> table, int depth)
    {
        var json = new JsonObject();
        foreach (var (name, item) in table)
            json[Clean(name)] = ToNode(item, depth + 1);
        return json;
    }

    // JSON knows no infinity.
    private static JsonValue FromDouble(double value) => double.IsFinite(value) ? JsonValue.Create(value) : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));

    private static object? FromElement(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.True or JsonValueKind.False => element.GetBoolean(),
        JsonValueKind.Number => element.TryGetInt64(out var number) ? (object)number : element.GetDouble(),
        JsonValueKind.Object => element.EnumerateObject().ToDictionary(item => item.Name, item => FromElement(item.Value)),
        JsonValueKind.Array => element.EnumerateArray().Select(FromElement).ToList(),
        _ => null,
    };

    private static bool StartsWithAny(string name, string[] beginnings) =>
        Array.Exists(beginnings, beginning => name.StartsWith(beginning, StringComparison.OrdinalIgnoreCase));
}
