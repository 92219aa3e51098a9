using Melanoma.Gateway.Access;
using Melanoma.Gateway.Refusals;

namespace Melanoma.Gateway.Limits;

/// <summary>What a caller that was let in may use: calls a second, open calls, bytes a day; by key and by tenant.</summary>
internal static class CallerLimitsRegistration
{
    public static void AddCallerLimits(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<CallerLimitsOptions>().BindConfiguration(CallerLimitsOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<CallerLimits>();
        builder.Services.AddSingleton<DailyBytes>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DailyBytes>());
    }

    public static void UseCallerLimits(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<CallerLimits>();
        var bytes = app.Services.GetRequiredService<DailyBytes>();
        app.Use(async (context, next) =>
        {
            if (context.User is not KnownCaller caller)
            {
                await next(context);
                return;
            }

            if (!limits.TryBegin(caller, out var permit, out var refusal))
            {
                await context.RefuseAsync(refusal!);
                return;
            }

            using (permit)
            {
                var account = bytes.Open(caller);
                if (!account.IsGood)
                {
                    await context.RefuseAsync(Refusal.DayUsedUp(account.UntilTomorrow));
                    return;
                }

                context.Request.Body = new CountedBody(context.Request.Body, account);
                await next(context);
            }
        });
    }
}
