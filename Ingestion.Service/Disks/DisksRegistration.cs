namespace Melanoma.Ingestion.Disks;

/// <summary>Room on disks.</summary>
internal static class DisksRegistration
{
    public static WebApplicationBuilder AddDisks(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<DiskWatch>();
        builder.Services.AddHostedService<DiskReport>();
        return builder;
    }
}
