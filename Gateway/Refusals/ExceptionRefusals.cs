using Melanoma.Gateway.Limits;
using Melanoma.ServiceDefaults.Grpc;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace Melanoma.Gateway.Refusals;

/// <summary>Turns what the Gateway did not expect into a refusal that tells nothing of its inside.</summary>
internal static class ExceptionRefusals
{
    public static IApplicationBuilder UseRefusalsForExceptions(this IApplicationBuilder app) => app.UseExceptionHandler(new ExceptionHandlerOptions
    {
        ExceptionHandler = context => context.RefuseAsync(RefusalOf(context.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error)),
        AllowStatusCode404Response = true,
    });

    private static Refusal RefusalOf(Exception exception) => exception switch
    {
        _ when DayUsedUpException.In(exception) is { } usedUp => usedUp.Refusal,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => Refusal.BodyTooLarge(GatewayLimits.OtherBodyBytes),
        BadHttpRequestException => Refusal.MalformedBody,
        _ when ExceptionInterceptor.IsDatabaseLost(exception) => Refusal.DatabaseLost,
        _ => Refusal.Defect,
    };
}
