namespace Melanoma.Ingestion.DropFolder;

/// <summary>The watched folder.</summary>
internal static class DropFolderRegistration
{
    public static WebApplicationBuilder AddDropFolder(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<DropFolderOptions>()
            .BindConfiguration(DropFolderOptions.Section)
            .Configure<IConfiguration>((options, configuration) => options.Path ??= ShortForm(configuration))
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddSingleton<DropFolderSweep>();
        builder.Services.AddHostedService<DropFolderService>();
        return builder;
    }

    // The section may have a value besides its settings: Ingestion__DropFolder=/data/drop.
    private static string? ShortForm(IConfiguration configuration) =>
        configuration[DropFolderOptions.Section] is { Length: > 0 } folder ? folder : null;
}
