using System.Globalization;
using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace Melanoma.Inference.Classification;

/// <summary>
/// Bounds the bytes of questions that are held at a time, before they are read: a question is held whole when the waiting
/// room is asked. What a caller announces counts at once, what none announced counts as it comes. A stream of questions counts each by itself, see <see cref="BulkStream"/>.
/// </summary>
internal sealed class RequestAdmission(RequestDelegate next, HeldBytes held, InferenceLanes lanes, InferenceMetrics metrics)
{
    private readonly HeldBytes _held = held;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!IsCounted(context.GetEndpoint()))
        {
            await next(context);
            return;
        }

        var announced = context.Request.ContentLength;
        var charge = new Charge(this);
        try
        {
            if (charge.TryAdd(HeldBytes.PerQuestion + Math.Min(announced ?? 0, InferenceServer.MaxBodyBytes)))
            {
                context.Request.Body = announced is null ? new CountedBody(context.Request.Body, charge) : context.Request.Body;
                await next(context);
            }
            else
            {
                await RefuseAsync(context, Busy());
            }
        }
        finally
        {
            charge.GiveBack();
        }
    }

    private static bool IsCounted(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<AdmittedByBytes>() is not null && endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is null or MethodType.Unary;

    private RpcException Busy()
    {
        metrics.Refused(nameof(StatusCode.ResourceExhausted));
        return lanes.Busy();
    }

    private static async Task RefuseAsync(HttpContext context, RpcException refusal)
    {
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) != true)
        {
            await ClassifyEndpoints.Problem(refusal, context.Response).ExecuteAsync(context);
            return;
        }

        context.Response.ContentType = "application/grpc";
        context.Response.AppendTrailer("grpc-status", ((int)refusal.StatusCode).ToString(CultureInfo.InvariantCulture));
        context.Response.AppendTrailer("grpc-message", refusal.Status.Detail);
        foreach (var trailer in refusal.Trailers)
        {
            context.Response.AppendTrailer(trailer.Key, trailer.Value);
        }

        await context.Response.CompleteAsync();
    }

    /// <summary>What one question holds.</summary>
    private sealed class Charge(RequestAdmission admission)
    {
        private long _bytes;

        public bool TryAdd(long bytes)
        {
            if (!admission._held.TryTake(bytes))
            {
                return false;
            }

            _bytes += bytes;
            return true;
        }

        public void Add(long bytes)
        {
            if (!TryAdd(bytes))
            {
                throw admission.Busy();
            }
        }

        public void GiveBack() => admission._held.GiveBack(_bytes);
    }

    /// <summary>Charges what is read.</summary>
    private sealed class CountedBody(Stream body, Charge charge) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            charge.Add(read);
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();
    }
}

/// <summary>Marks the endpoints whose questions count.</summary>
internal sealed record AdmittedByBytes;
