using System.Globalization;
using System.Net;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>
/// Everything that can be asked through the door, asked wrongly: messages with random fields, bytes that are no message, paths and JSON that nobody expects. Whatever
/// comes back is an answer or a refusal with a reason; nothing of it is a defect, and no log has a word of one.
/// </summary>
public sealed class FuzzTests(TestServers servers)
{
    private const int Seed = 20261128;
    private const int Requests = 20_000;

    // What has broken others before: SQL, log lines, markup, templates, paths, numbers at their ends, text at its ends.
    private static readonly string[] Nasty =
    [
        "", " ", "0", "-1", "1", "2147483648", "9223372036854775808", "1e400", "NaN", "null", "true", "00000000-0000-0000-0000-000000000000", "01a21feb-4e19-7e92-9179-476e184e8335",
        "'; DROP TABLE images; --", "' OR '1'='1", "\" OR \"\"=\"", "1; SELECT pg_sleep(10)", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "%s%n%x", "<script>alert(1)</script>",
        "line\nfail: forged[0]\n      log line", "tab\tand\0nul", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "\\\\server\\share", "CON", "ünïcödé", "\u202Ereversed", "😀😀😀", "\uFEFF",
        "melanoma", "nevus", "seed-baseline", "quick", "honest", new('x', 199), new('x', 201), new('9', 400), new('/', 60), "=cmd|' /C calc'!A0",
    ];

    private static readonly string[] Garbage =
    [
        "", "{", "}", "[]", "null", "\"text\"", "{\"image\":12}", "{\"image\":\"not base64!\"}", "{\"unknown\":{\"nested\":[1,2,3]}}", "{\"name\":{}}", "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"limits\":{\"requestsPerSecond\":99999999999999999999}}", "{\"expiresAt\":\"yesterday\"}", "{\"expiresAt\":\"9999-99-99T00:00:00Z\"}", "\uFEFF{}", "{\"a\":\"\\ud800\"}",
        new string('[', 5_000), string.Concat(Enumerable.Repeat("{\"a\":", 5_000)), "\0\0\0\0", "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>",
    ];

    private readonly Random _random = new(Seed);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static IReadOnlyList<MethodDescriptor> Methods { get; } =
    [
        .. typeof(ClassifierReflection).Assembly.GetTypes()
            .Select(type => type.GetProperty("Descriptor")?.GetValue(null))
            .OfType<FileDescriptor>()
            .Where(file => file.Package == "melanoma.v1")
            .SelectMany(file => file.Services)
            .SelectMany(service => service.Methods),
    ];

    [Fact]
    public async Task Should_answer_or_refuse_and_never_fail_when_anything_is_asked()
    {
        await using var stack = await Stack.StartAsync(servers, workers: 0, Cancellation);
        using var client = new HttpClient { BaseAddress = stack.Gateway.Http, DefaultRequestHeaders = { { "x-api-key", stack.ApiKey } } };
        var requests = Environment.GetEnvironmentVariable("MELANOMA_TEST_ALL") is null ? Requests / 10 : Requests;
        var answered = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var batch in Enumerable.Range(0, requests).Select(number => number % 2 == 0 ? Json(client) : Grpc(stack.Invoker)).Chunk(8))
        {
            foreach (var (what, outcome) in await Task.WhenAll(batch.Select(ask => ask())))
            {
                Assert.False(outcome is nameof(StatusCode.Internal) or nameof(StatusCode.Unknown) or nameof(HttpStatusCode.InternalServerError) or nameof(HttpStatusCode.BadGateway), $"{outcome}: {what}");
                answered[outcome] = answered.GetValueOrDefault(outcome) + 1;
            }
        }

        // Had all been refused alike, nothing would have been tried.
        Assert.True(answered.Keys.Count >= 6, string.Join(", ", answered));
        Assert.True(answered.ContainsKey(nameof(StatusCode.OK)), string.Join(", ", answered));
        Assert.Empty(stack.Defects());
    }

    private Func<Task<(string What, string Outcome)>> Json(HttpClient client)
    {
        var method = Pick(Methods);
        var rule = method.GetOptions()?.GetExtension(Google.Api.AnnotationsExtensions.Http);
        var (verb, template) = rule switch
        {
            { Get.Length: > 0 } => ("GET", rule.Get),
            { Post.Length: > 0 } => ("POST", rule.Post),
            _ => (Pick(["GET", "POST", "PUT", "DELETE", "PATCH"]), $"/v1/{Uri.EscapeDataString(Pick(Nasty))}"),
        };
        var path = new StringBuilder();
        foreach (var part in template.Split('{'))
            path.Append(part.Contains('}', StringComparison.Ordinal) ? Uri.EscapeDataString(Pick(Nasty)) + part[(part.IndexOf('}', StringComparison.Ordinal) + 1)..] : part);
        if (_random.Next(2) == 0 && verb == "GET")
            path.Append('?').AppendJoin('&', method.InputType.Fields.InDeclarationOrder().Select(field => $"{field.JsonName}={Uri.EscapeDataString(Pick(Nasty))}"));
        var body = verb == "GET" ? null : _random.Next(3) == 0 ? Pick(Garbage) : JsonFormatter.Default.Format(Message(method.InputType, depth: 0));
        var mediaType = Pick(["application/json", "application/json", "application/json", "text/plain", "image/jpeg", "multipart/form-data; boundary=b"]);
        return async () =>
        {
            using var request = new HttpRequestMessage(new HttpMethod(verb), path.ToString());
            if (body is not null)
            {
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
                request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
            }

            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            return ($"{verb} {path} {mediaType} {Shortened(body)}", response.StatusCode.ToString());
        };
    }

    private Func<Task<(string What, string Outcome)>> Grpc(CallInvoker invoker)
    {
        var method = Pick(Methods);
        byte[] message = _random.Next(4) == 0 ? Noise() : Message(method.InputType, depth: 0).ToByteArray();
        var bytes = Marshallers.Create<byte[]>(value => value, value => value);
        var name = new Method<byte[], byte[]>(MethodType.DuplexStreaming, method.Service.FullName, method.Name, bytes, bytes);
        return async () =>
        {
            // Streams that wait for something to happen would wait for ever.
            using var call = invoker.AsyncDuplexStreamingCall(name, host: null, new CallOptions(deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: Cancellation));
            try
            {
                await call.RequestStream.WriteAsync(message, Cancellation);
                await call.RequestStream.CompleteAsync();
                var isWatched = method.Name.StartsWith("Watch", StringComparison.Ordinal) || method.Name.StartsWith("Subscribe", StringComparison.Ordinal);
                while (await call.ResponseStream.MoveNext(Cancellation) && !isWatched)
                {
                }

                return (method.FullName, nameof(StatusCode.OK));
            }
            catch (Exception refusal) when (refusal is RpcException or InvalidOperationException)
            {
                // Where the service ends the call first, writing fails; the status says why.
                var status = refusal is RpcException known ? known.StatusCode : await StatusAsync(call);
                return ($"{method.FullName} {Convert.ToHexString(message.AsSpan(0, Math.Min(200, message.Length)))}: {refusal.Message}", status.ToString());
            }
        };
    }

    private static async Task<StatusCode> StatusAsync(AsyncDuplexStreamingCall<byte[], byte[]> call)
    {
        try
        {
            while (await call.ResponseStream.MoveNext(Cancellation))
            {
            }

            return call.GetStatus().StatusCode;
        }
        catch (RpcException refusal)
        {
            return refusal.StatusCode;
        }
    }

    // A message of this type with some of its fields, each with a value that its type allows.
    private IMessage Message(MessageDescriptor type, int depth)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var field in type.Fields.InDeclarationOrder().Where(_ => _random.Next(3) != 0))
        {
            if (field.FieldType == FieldType.Message && depth > 3)
                continue;
            if (field.IsMap)
                continue;
            if (field.IsRepeated)
            {
                var values = (System.Collections.IList)field.Accessor.GetValue(message);
                for (var left = _random.Next(4); left > 0; left--)
                    values.Add(Value(field, depth));
            }
            else
            {
                field.Accessor.SetValue(message, Value(field, depth));
            }
        }

        return message;
    }

    private object Value(FieldDescriptor field, int depth) => field.FieldType switch
    {
        // Marshalled to the end of what UTF-8 can say: half a pair of surrogates could not be sent.
        FieldType.String => Pick(Nasty),
        FieldType.Bytes => ByteString.CopyFrom(Noise()),
        FieldType.Bool => _random.Next(2) == 0,
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => Pick([0, 1, -1, 7, int.MaxValue, int.MinValue]),
        FieldType.UInt32 or FieldType.Fixed32 => Pick([0u, 1u, uint.MaxValue]),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => Pick([0L, 1L, -1L, long.MaxValue, long.MinValue]),
        FieldType.UInt64 or FieldType.Fixed64 => Pick([0ul, 1ul, ulong.MaxValue]),
        FieldType.Float => Pick([0f, -1f, 0.5f, float.NaN, float.PositiveInfinity]),
        FieldType.Double => Pick([0.0, -1.0, 0.5, double.NaN, double.NegativeInfinity]),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, _random.Next(-1, 12)),
        FieldType.Message => field.MessageType.FullName == "google.protobuf.Timestamp"
            ? new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = Pick([0L, 1_800_000_000L, 253402300799L, -62135596800L]), Nanos = Pick([0, 999_999_999]) }
            : Message(field.MessageType, depth + 1),
        _ => throw new InvalidOperationException($"{field.FullName} is of an unexpected type."),
    };

    private byte[] Noise()
    {
        var noise = new byte[_random.Next(0, 300)];
        _random.NextBytes(noise);
        return noise;
    }

    private T Pick<T>(IReadOnlyList<T> values) => values[_random.Next(values.Count)];

    private static string Shortened(string? text) => text is null ? "" : text.Length <= 200 ? text : string.Create(CultureInfo.InvariantCulture, $"{text[..200]}... ({text.Length})");
}
