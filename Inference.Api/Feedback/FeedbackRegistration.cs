namespace Melanoma.Inference.Feedback;

/// <summary>What callers say of answers.</summary>
internal static class FeedbackRegistration
{
    public static WebApplicationBuilder AddFeedback(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<FeedbackOptions>().BindConfiguration(FeedbackOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<FeedbackReceiver>();
        builder.Services.AddHostedService<SettledImagesSweep>();
        return builder;
    }
}
