using System.Collections.Concurrent;

namespace Melanoma.Gateway.Access;

/// <summary>The calls that are under way, so that a stream does not outlive the credential that began it.</summary>
internal sealed class OpenCalls(CredentialDirectory credentials)
{
    private readonly ConcurrentDictionary<HttpContext, KnownCaller> _calls = new();

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.User is not KnownCaller caller)
        {
            await next(context);
            return;
        }

        _calls[context] = caller;
        try
        {
            await next(context);
        }
        finally
        {
            _calls.TryRemove(context, out _);
        }
    }

    /// <summary>Lets a call that is about to end its own credential be answered.</summary>
    public void Spare(HttpContext context) => _calls.TryRemove(context, out _);

    /// <summary>Breaks off the calls whose credential has ended.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        foreach (var calls in _calls.GroupBy(call => call.Value, call => call.Key))
        {
            if (await credentials.IsStillGoodAsync(calls.Key, cancellationToken))
                continue;
            foreach (var call in calls)
                call.Abort();
        }
    }
}
