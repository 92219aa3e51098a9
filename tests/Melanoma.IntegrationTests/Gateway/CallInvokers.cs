using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Melanoma.IntegrationTests.Gateway;

internal static class CallInvokers
{
    /// <summary>Sends these metadata with each call.</summary>
    public static CallInvoker With(this CallInvoker invoker, string name, string value) => invoker.Intercept(metadata =>
    {
        metadata.Add(name, value);
        return metadata;
    });
}
