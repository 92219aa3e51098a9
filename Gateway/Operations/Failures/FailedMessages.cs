using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using V1 = Melanoma.Contracts.V1;
using Row = Melanoma.Storage.Operations.FailedMessage;
using RowKind = Melanoma.Storage.Operations.FailureKind;
using RowState = Melanoma.Storage.Operations.FailedMessageState;

namespace Melanoma.Gateway.Operations.Failures;

/// <summary>Rows as callers see them.</summary>
internal static class FailedMessages
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The state to look for; null for all.</summary>
    /// <exception cref="RpcException">There is no such state.</exception>
    public static RowState? StateOf(V1.FailedMessageState state) => state switch
    {
        V1.FailedMessageState.Unspecified => null,
        V1.FailedMessageState.Waiting => RowState.Waiting,
        V1.FailedMessageState.Replayed => RowState.Replayed,
        V1.FailedMessageState.Discarded => RowState.Discarded,
        _ => throw new RpcException(new Status(StatusCode.InvalidArgument, $"There is no state {(int)state}: say waiting, replayed, discarded or nothing.")),
    };

    /// <summary>What a list tells.</summary>
    public static V1.FailedMessage ToMessage(Row row) => new()
    {
        FailedMessageId = row.Id.ToString(CultureInfo.InvariantCulture),
        Queue = row.Queue,
        Kind = row.Kind switch
        {
            RowKind.Fault => V1.FailureKind.Fault,
            RowKind.Dead => V1.FailureKind.Dead,
            _ => V1.FailureKind.Skipped,
        },
        State = row.State switch
        {
            RowState.Waiting => V1.FailedMessageState.Waiting,
            RowState.Replayed => V1.FailedMessageState.Replayed,
            _ => V1.FailedMessageState.Discarded,
        },
        MessageId = row.MessageId ?? "",
        MessageType = row.MessageType ?? "",
        ExceptionType = row.ExceptionType ?? "",
        Reason = row.Reason,
        FailedAt = Timestamp.FromDateTimeOffset(row.FailedAt),
        ArrivedAt = Timestamp.FromDateTimeOffset(row.ArrivedAt),
        BodyBytes = (uint)row.BodyBytes,
        DecidedBy = row.DecidedBy ?? "",
        DecidedAt = row.DecidedAt is { } decided ? Timestamp.FromDateTimeOffset(decided) : null,
        DecisionReason = row.DecisionReason ?? "",
    };

    /// <summary>All that is known.</summary>
    public static V1.FailedMessage ToWholeMessage(Row row)
    {
        var message = ToMessage(row);
        message.StackTrace = row.StackTrace ?? "";
        message.BodyJson = row.Body is null ? "" : JsonIn(row.Body);
        message.BodyBase64 = row.Body is not null && message.BodyJson.Length == 0 ? Convert.ToBase64String(row.Body) : "";
        using var headers = JsonDocument.Parse(row.Headers);
        foreach (var header in headers.RootElement.EnumerateObject())
            message.Headers[header.Name] = header.Value.ValueKind == JsonValueKind.String ? header.Value.GetString() : header.Value.GetRawText();
        return message;
    }

    private static string JsonIn(byte[] body)
    {
        try
        {
            var text = Strict.GetString(body);
            using var document = JsonDocument.Parse(text);
            return text;
        }
        catch (Exception failure) when (failure is JsonException or DecoderFallbackException)
        {
            return "";
        }
    }
}
