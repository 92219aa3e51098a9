using System.Text;
using System.Text.Json;
using CsCheck;
using Melanoma.Contracts.Messages;
using Melanoma.Gateway.Operations.Failures;
using Melanoma.Storage.Operations;
using RabbitMQ.Client;

namespace Melanoma.UnitTests.Gateway;

public sealed class FailedDeliveryTests
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Gen<string> Names = Gen.OneOf(
        Gen.String, Gen.OneOfConst("MT-Fault-Message", "MT-Fault-Timestamp", "MT-Fault-StackTrace", "MT-Fault-MessageType", "x-death", "x-delivery-count", "kept", "a\0b", "\uD800"));

    private static readonly Gen<object?> Values = Gen.Recursive<object?>((depth, inner) => depth > 12
        ? Gen.Const((object?)null)
        : Gen.OneOf<object?>(
            Gen.String.Select(text => (object?)text), Gen.Byte.Array.Select(bytes => (object?)bytes), Gen.Long.Select(number => (object?)number),
            Gen.Double.Select(number => (object?)number), Gen.Bool.Select(flag => (object?)flag), Gen.Long.Select(seconds => (object?)new AmqpTimestamp(seconds)),
            Gen.Decimal.Select(number => (object?)number), inner.Array[0, 3].Select(list => (object?)list.ToList()),
            Gen.Select(Names, inner).Array[0, 3].Select(items => (object?)items.GroupBy(item => item.Item1).ToDictionary(group => group.Key, group => group.First().Item2))));

    private static readonly Gen<Dictionary<string, object?>> Headers =
        Gen.Select(Names, Values).Array[0, 6].Select(items => items.GroupBy(item => item.Item1).ToDictionary(group => group.Key, group => group.First().Item2));

    private static readonly Gen<byte[]> Bodies = Gen.OneOf(
        Gen.Byte.Array[0, 200], Gen.String.Select(text => JsonSerializer.SerializeToUtf8Bytes(new { messageType = new[] { text } })),
        Gen.OneOfConst("""{"messageType":["\ud800"]}"""u8.ToArray(), """{"messageType":[7]}"""u8.ToArray(), "[]"u8.ToArray()));

    [Fact]
    public void Should_make_a_row_that_the_database_takes_whatever_a_message_holds() =>
        Gen.Select(Headers, Bodies, Gen.String, Gen.Enum<FailureKind>()).Sample((headers, body, id, kind) =>
        {
            var row = Row(headers, body, id, kind);

            foreach (var text in new[] { row.MessageId, row.MessageType, row.ExceptionType, row.Reason, row.StackTrace }.OfType<string>())
            {
                Assert.DoesNotContain('\0', text);
                Assert.Equal(text, Strict.GetString(Strict.GetBytes(text)));
            }

            using var stored = JsonDocument.Parse(row.Headers);
            Assert.DoesNotContain("\\u0000", row.Headers, StringComparison.Ordinal);
            AmqpHeaders.FromJson(row.Headers);
        });

    [Fact]
    public void Should_be_the_same_row_when_a_message_is_delivered_again_and_another_when_anything_else_differs() =>
        Gen.Select(Headers, Bodies, Gen.String).Sample((headers, body, id) =>
        {
            var first = Row(headers, body, id, FailureKind.Fault).Fingerprint;
            var again = new Dictionary<string, object?>(headers.Reverse()) { ["x-delivery-count"] = 3L };

            Assert.Equal(first, Row(again, body, id, FailureKind.Fault).Fingerprint);
            Assert.NotEqual(first, Row(headers, [.. body, 1], id, FailureKind.Fault).Fingerprint);
            Assert.NotEqual(first, Row(headers, body, id + "x", FailureKind.Fault).Fingerprint);
            Assert.NotEqual(first, Row(headers, body, id, FailureKind.Dead).Fingerprint);
            Assert.NotEqual(first, Row(new Dictionary<string, object?>(headers) { ["another"] = 1L }, body, id, FailureKind.Fault).Fingerprint);
        });

    [Fact]
    public void Should_put_the_messages_own_headers_back_and_none_of_its_failure_when_it_is_replayed()
    {
        var headers = new Dictionary<string, object?>
        {
            ["MT-Activity-Id"] = "00-1-2-00"u8.ToArray(),
            ["MT-Fault-Message"] = "why",
            ["MT-Reason"] = "fault",
            ["MT-Host-MachineName"] = "m",
            ["x-death"] = new List<object?> { new Dictionary<string, object?> { ["reason"] = "delivery_limit"u8.ToArray() } },
            ["x-delivery-count"] = 4L,
            ["number"] = 7,
            ["table"] = new Dictionary<string, object?> { ["inner"] = true },
        };

        var restored = AmqpHeaders.FromJson(Row(headers, [], "id", FailureKind.Fault).Headers);

        Assert.Equal(["MT-Activity-Id", "number", "table"], restored.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("00-1-2-00", restored["MT-Activity-Id"]);
        Assert.Equal(7L, restored["number"]);
        Assert.Equal(true, Assert.IsType<Dictionary<string, object?>>(restored["table"])["inner"]);
    }

    private static FailedMessage Row(Dictionary<string, object?> headers, byte[] body, string id, FailureKind kind) =>
        FailedDelivery.Take(MessageQueues.ModelTrained, kind, 1, new BasicProperties { Headers = headers, MessageId = id }, body).ToRow(DateTimeOffset.UnixEpoch);
}
