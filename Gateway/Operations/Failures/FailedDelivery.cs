using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MassTransit;
using Melanoma.Contracts.Messages;
using Melanoma.Storage.Operations;
using RabbitMQ.Client;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>What a failure queue delivered.</summary>
/// <param name="Queue">The queue that the message failed in.</param>
/// <param name="Kind">How it failed, which is what the failure queue is for.</param>
/// <param name="Tag">The broker's number of the delivery.</param>
/// <param name="Properties">What stands beside the body.</param>
/// <param name="Body">The body; null where it is larger than <see cref="MaxBodyBytes"/>.</param>
/// <param name="BodyBytes">Its size.</param>
/// <param name="BodySha256">Its SHA-256.</param>
internal sealed record FailedDelivery(
    QueueContract Queue, FailureKind Kind, ulong Tag, IReadOnlyBasicProperties Properties, byte[]? Body, int BodyBytes, byte[] BodySha256)
{
    /// <summary>The largest body that is kept. No message of this product has a tenth of it.</summary>
    public const int MaxBodyBytes = 1024 * 1024;

    private const int MaxNameLength = 500;
    private const int MaxReasonLength = 2_000;
    private const int MaxStackLength = 8_000;

    /// <summary>Takes over a delivery, whose body is the client's own only now.</summary>
    public static FailedDelivery Take(QueueContract queue, FailureKind kind, ulong tag, IReadOnlyBasicProperties properties, ReadOnlySpan<byte> body) =>
        new(queue, kind, tag, new BasicProperties(properties), body.Length <= MaxBodyBytes ? body.ToArray() : null, body.Length, SHA256.HashData(body));

    /// <summary>The row for it. Whatever the message holds, this does not fail.</summary>
    /// <param name="now">The time of failure where neither message nor broker tells one.</param>
    public FailedMessage ToRow(DateTimeOffset now)
    {
        var headers = AmqpHeaders.ToJson(Properties.Headers);
        return new FailedMessage
        {
            Fingerprint = Fingerprint(headers),
            Queue = Queue.Name,
            Kind = Kind,
            MessageId = Short(Properties.MessageId),
            MessageType = Short(TypeInBody() ?? AmqpHeaders.TextOf(headers, MessageHeaders.FaultMessageType)),
            ContentType = Short(Properties.ContentType),
            CorrelationId = Short(Properties.CorrelationId),
            Headers = headers.ToJsonString(),
            Body = Body,
            BodyBytes = BodyBytes,
            ExceptionType = Kind == FailureKind.Fault ? Short(AmqpHeaders.TextOf(headers, MessageHeaders.FaultExceptionType)) : null,
            Reason = AmqpHeaders.Clean(ReasonOf(headers), MaxReasonLength),
            StackTrace = AmqpHeaders.TextOf(headers, MessageHeaders.FaultStackTrace) is { } stack ? AmqpHeaders.Clean(stack, MaxStackLength) : null,
            FailedAt = FailedAt(headers) ?? now,
        };
    }

    private string ReasonOf(JsonObject headers) => Kind switch
    {
        FailureKind.Fault => AmqpHeaders.TextOf(headers, MessageHeaders.FaultMessage) ?? "It was put among the failed messages without a reason.",
        FailureKind.Skipped => "No consumer of this queue takes messages of this type.",
        _ => FirstDeath(headers)?["reason"] is JsonValue reason && reason.TryGetValue<string>(out var text) && text != "delivery_limit"
            ? $"The broker took it out of the queue ({text})."
            : "It was delivered several times, and each time its consumer ended before it answered.",
    };

    private DateTimeOffset? FailedAt(JsonObject headers)
    {
        if (Kind == FailureKind.Fault && DateTimeOffset.TryParse(
            AmqpHeaders.TextOf(headers, MessageHeaders.FaultTimestamp), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var fault))
            return fault.ToUniversalTime();
        return FirstDeath(headers)?["time"] is JsonValue death && death.TryGetValue<long>(out var seconds)
            && seconds > 0 && seconds < DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
    }

    private static JsonObject? FirstDeath(JsonObject headers) => headers["x-death"] is JsonArray { Count: > 0 } deaths ? deaths[0] as JsonObject : null;

    // Two messages that are alike to the last header are one row: without an id nobody could tell them from one that is delivered twice.
    private byte[] Fingerprint(JsonObject headers)
    {
        var facts = new JsonArray(Queue.Name, Kind.ToString(), Properties.MessageId, Properties.CorrelationId, Properties.ContentType, Convert.ToHexString(BodySha256));
        foreach (var (name, value) in headers.Where(header => !AmqpHeaders.IsOfDelivery(header.Key)))
        {
            facts.Add((JsonNode)name);
            facts.Add(value?.DeepClone());
        }

        return SHA256.HashData(Encoding.UTF8.GetBytes(facts.ToJsonString()));
    }

    // MassTransit's envelope names the types of its message, the most precise one first.
    private string? TypeInBody()
    {
        if (Body is null)
            return null;
        try
        {
            using var envelope = JsonDocument.Parse(Body);
            return envelope.RootElement.ValueKind == JsonValueKind.Object && envelope.RootElement.TryGetProperty("messageType", out var types)
                && types.ValueKind == JsonValueKind.Array && types.GetArrayLength() > 0 && types[0].ValueKind == JsonValueKind.String
                ? types[0].GetString()
                : null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // No JSON, or a text in it is no text.
            return null;
        }
    }

    private static string? Short(string? text) => text is { Length: > 0 } ? AmqpHeaders.Clean(text, MaxNameLength) : null;
}
