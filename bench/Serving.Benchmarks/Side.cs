using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Melanoma.Contracts.V1;

namespace Melanoma.Serving.Benchmarks;

/// <summary>Somebody who answers <c>Classify</c> over gRPC.</summary>
/// <param name="addresses">Where; callers are spread over them.</param>
/// <param name="headers">What goes with each call.</param>
/// <param name="cpuSeconds">Processor time of all its processes until now.</param>
/// <param name="allocatedBytes">Bytes that Inference.Api has allocated until now; null where it is not asked.</param>
internal sealed class Side(string name, IEnumerable<Uri> addresses, Func<Metadata> headers, Func<Task<double>> cpuSeconds, Func<Task<long>>? allocatedBytes = null) : IDisposable
{
    private const string RetryTrailer = "grpc-retry-pushback-ms";

    private readonly GrpcChannel[] _channels = [.. addresses.Select(address => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true },
        DisposeHttpClient = true,
        MaxSendMessageSize = null,
    }))];

    public string Name { get; } = name;

    public Task<double> CpuSecondsAsync() => cpuSeconds();

    public async Task<long?> AllocatedBytesAsync() => allocatedBytes is null ? null : await allocatedBytes();

    /// <summary>One question.</summary>
    /// <exception cref="RpcException">It was refused for another reason than that the side is busy.</exception>
    public async Task<Answer> AskAsync(long caller, ByteString picture)
    {
        try
        {
            var answer = await new Classifier.ClassifierClient(_channels[caller % _channels.Length]).ClassifyAsync(new ClassifyRequest { Image = picture }, headers());
            return new Answer(true, answer.ModelVersion, null);
        }
        catch (RpcException refusal) when (refusal.StatusCode == StatusCode.ResourceExhausted)
        {
            return new Answer(
                false, null, int.TryParse(refusal.Trailers.GetValue(RetryTrailer), CultureInfo.InvariantCulture, out var milliseconds) ? TimeSpan.FromMilliseconds(milliseconds) : null);
        }
    }

    public void Dispose()
    {
        foreach (var channel in _channels)
            channel.Dispose();
    }
}

/// <summary>What became of a question.</summary>
/// <param name="RetryAfter">How long a refused caller is asked to wait.</param>
internal readonly record struct Answer(bool IsAnswered, string? ModelVersion, TimeSpan? RetryAfter);
