namespace Melanoma.Ingestion.Images;

/// <summary>Looking at the images of the catalogue.</summary>
internal static class ImagesRegistration
{
    public static WebApplicationBuilder AddImages(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ImageList>();
        builder.Services.AddSingleton<ImageDetailsReader>();
        builder.Services.AddSingleton<ImageBytesReader>();
        return builder;
    }
}
