using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using MassTransit;

namespace Melanoma.Contracts.Messages;

/// <summary>Every bus message with its name on the wire; the outbox stores messages under these names.</summary>
public static class MessageCatalogue
{
    private static readonly FrozenDictionary<string, Type> ByName = new[]
    {
        typeof(RunRequested), typeof(AugmentationBatchReady), typeof(AugmentationCompleted), typeof(ModelTrained), typeof(ModelPromoted),
        typeof(ImagesForgotten), typeof(LabelErrorsFound), typeof(LesionViewsFound), typeof(FeedbackGiven),
    }.ToFrozenDictionary(type => type.GetCustomAttribute<EntityNameAttribute>()!.EntityName);

    /// <summary>Every message type.</summary>
    public static IReadOnlyCollection<Type> Types => ByName.Values;

    /// <summary>The name of a message type on the wire, for example <c>melanoma.model-trained.v1</c>.</summary>
    /// <exception cref="ArgumentException">The type is no bus message.</exception>
    public static string NameOf(Type type) =>
        type.GetCustomAttribute<EntityNameAttribute>()?.EntityName is { } name && ByName.ContainsKey(name)
            ? name
            : throw new ArgumentException($"{type} is not a bus message.", nameof(type));

    /// <summary>The message that was stored under a name.</summary>
    /// <exception cref="ArgumentException">No message type has this name.</exception>
    /// <exception cref="JsonException">The body does not fit the type.</exception>
    public static object Deserialize(string name, string body) =>
        ByName.TryGetValue(name, out var type)
            ? JsonSerializer.Deserialize(body, type, JsonSerializerOptions.Web) ?? throw new JsonException($"The body of {name} is null.")
            : throw new ArgumentException($"No bus message is called '{name}'.", nameof(name));

    /// <summary>The body under which a message is stored.</summary>
    public static string Serialize(object message) => JsonSerializer.Serialize(message, message.GetType(), JsonSerializerOptions.Web);
}
