namespace Melanoma.Ingestion.Reviews;

/// <summary>The review queue and what reviewers decide.</summary>
internal static class ReviewsRegistration
{
    public static WebApplicationBuilder AddReviews(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReviewQueue>();
        builder.Services.AddSingleton<ReviewDecisions>();
        builder.Services.AddSingleton<ReviewHistory>();
        return builder;
    }

    public static WebApplication MapReviews(this WebApplication app)
    {
        app.MapGrpcService<ReviewsService>();
        return app;
    }
}
