namespace Melanoma.Ingestion.Forgetting;

/// <summary>Deleting images for good.</summary>
internal static class ForgettingRegistration
{
    public static WebApplicationBuilder AddForgetting(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ImageForgetting>();
        return builder;
    }
}
