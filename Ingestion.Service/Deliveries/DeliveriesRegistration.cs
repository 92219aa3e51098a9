using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.NearDuplicates;
using Melanoma.Ingestion.Tables;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Taking deliveries in.</summary>
internal static class DeliveriesRegistration
{
    public static WebApplicationBuilder AddDeliveries(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<DeliveryOptions>().BindConfiguration(DeliveryOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IngestionMetrics>();
        builder.Services.AddSingleton<NearDuplicateFinder>();
        builder.Services.AddSingleton<CatalogueWriter>();
        builder.Services.AddSingleton<MetadataWriter>();
        builder.Services.AddSingleton<PictureJudge>();
        builder.Services.AddSingleton<DeliverySlots>();
        builder.Services.AddSingleton<DeliveryPipeline>();
        builder.Services.AddSingleton<DeliveryFindings>();
        builder.Services.AddSingleton<DeliveryReports>();
        builder.Services.AddSingleton<TableIntake>();
        builder.Services.AddSingleton<DeliveryReceiver>();
        builder.Services.AddHostedService<AbandonedDeliveries>();
        builder.Services.AddHostedService<UnmeasuredImages>();
        return builder;
    }

    public static WebApplication MapDeliveries(this WebApplication app)
    {
        app.MapGrpcService<ImageCatalogService>();
        return app;
    }
}
