namespace Melanoma.Ingestion.DropFolder;

/// <summary>The watched folder.</summary>
internal static class DropFolderRegistration
{
    public static WebApplicationBuilder AddDropFolder(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<DropFolderOptions>().BindConfiguration(DropFolderOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<DropFolderSweep>();
        builder.Services.AddHostedService<DropFolderService>();
        return builder;
    }
}
