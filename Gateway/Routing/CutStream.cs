using System.Globalization;
using Melanoma.Gateway.Refusals;
using Microsoft.AspNetCore.Http.Features;

namespace Melanoma.Gateway.Routing;

/// <summary>
/// A gRPC answer whose service may die in the middle. YARP would reset the stream, which callers see as a defect or a cancellation; ended with trailers
/// instead, they see UNAVAILABLE and why.
/// </summary>
internal sealed class CutStream : IHttpResetFeature
{
    private readonly HttpContext _context;
    private readonly IHttpResetFeature? _original;
    private bool _cut;

    private CutStream(HttpContext context)
    {
        _context = context;
        _original = context.Features.Get<IHttpResetFeature>();
        context.Features.Set<IHttpResetFeature>(this);
    }

    public static CutStream Watch(HttpContext context) => new(context);

    /// <summary>Takes the forwarder's word that the answer cannot go on.</summary>
    public void Reset(int errorCode) => _cut = true;

    /// <summary>Ends an answer that was cut off, with this refusal.</summary>
    public void End(Refusal refusal)
    {
        _context.Features.Set(_original);
        if (!_cut || _context.RequestAborted.IsCancellationRequested)
            return;
        _context.Response.AppendTrailer("grpc-status", ((int)refusal.Grpc).ToString(CultureInfo.InvariantCulture));
        _context.Response.AppendTrailer("grpc-message", refusal.Sentence);
    }
}
