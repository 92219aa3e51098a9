using Melanoma.Ingestion.Exports;

namespace Melanoma.Ingestion.Datasets;

/// <summary>Snapshots of the catalogue.</summary>
internal static class DatasetsRegistration
{
    public static WebApplicationBuilder AddDatasets(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<DatasetSnapshots>();
        builder.Services.AddSingleton<DatasetReports>();
        builder.Services.AddSingleton<DatasetDifferences>();
        builder.Services.AddSingleton<ExportRows>();
        builder.Services.AddSingleton<ExportReadme>();
        builder.Services.AddSingleton<DatasetExport>();
        return builder;
    }

    public static WebApplication MapDatasets(this WebApplication app)
    {
        app.MapGrpcService<DatasetsService>();
        return app;
    }
}
