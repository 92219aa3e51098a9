using Melanoma.Gateway.Limits;
using Melanoma.Gateway.Refusals;
using Yarp.ReverseProxy.Forwarder;

namespace Melanoma.Gateway.Routing;

/// <summary>Says in the caller's protocol why a call was not forwarded, where YARP alone would answer with a bare status code.</summary>
internal sealed class ForwardingRefusals(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var proxy = context.GetReverseProxyFeature();
        var service = proxy.Cluster.Config.ClusterId.Split('-')[0];
        var limit = proxy.Route.Config.MaxRequestBodySize;
        if (limit is null && !HttpProtocol.IsHttp2(context.Request.Protocol))
        {
            await context.RefuseAsync(Refusal.NeedsHttp2);
            return;
        }

        if (context.Request.ContentLength > limit)
        {
            await context.RefuseAsync(Refusal.BodyTooLarge(limit.Value));
            return;
        }

        var stream = limit is null ? CutStream.Watch(context) : null;
        await next(context);
        var refusal = context.GetForwarderErrorFeature() is { } failure ? RefusalOf(failure, service, limit) : null;
        stream?.End(refusal ?? Refusal.ServiceDown(service));
        if (!context.Response.HasStarted && refusal is not null)
            await context.RefuseAsync(refusal);
    }

    private static Refusal? RefusalOf(IForwarderErrorFeature failure, string service, long? limit) => failure.Error switch
    {
        // The caller has gone away; nobody reads the answer.
        ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled => null,
        ForwarderError.RequestBodyClient when DayUsedUpException.In(failure.Exception) is { } usedUp => usedUp.Refusal,
        ForwarderError.RequestBodyClient when IsTooLarge(failure.Exception) => Refusal.BodyTooLarge(limit ?? GatewayLimits.OtherBodyBytes),
        ForwarderError.RequestBodyClient => Refusal.MalformedBody,
        ForwarderError.RequestTimedOut => Refusal.ServiceSilent(service),
        _ => Refusal.ServiceDown(service),
    };

    // The forwarder wraps what happened on either side.
    private static bool IsTooLarge(Exception? exception) => exception switch
    {
        null => false,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => true,
        AggregateException both => both.InnerExceptions.Any(IsTooLarge),
        _ => IsTooLarge(exception.InnerException),
    };
}
