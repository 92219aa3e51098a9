using Melanoma.Ingestion;
using Melanoma.Ingestion.Datasets;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Ingestion.Disks;
using Melanoma.Ingestion.DropFolder;
using Melanoma.Ingestion.Feedback;
using Melanoma.Ingestion.Forgetting;
using Melanoma.Ingestion.Images;
using Melanoma.Ingestion.LabelErrors;
using Melanoma.Ingestion.LesionViews;
using Melanoma.Ingestion.Reviews;
using Melanoma.Ingestion.Runs;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Grpc;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
if (args is [MigrateCommand.Name])
    return await MigrateCommand.RunAsync(builder.Configuration);

builder.AddServiceDefaults().AddGatewayCallers().AddMelanomaDatabase(ServiceRole.Ingestion)
    .AddMelanomaBus(ServiceRole.Ingestion, queues =>
    {
        LabelErrorsRegistration.DeclareQueues(queues);
        LesionViewsRegistration.DeclareQueues(queues);
        FeedbackRegistration.DeclareQueues(queues);
    });
builder.Services.AddMelanomaGrpc().AddJsonTranscoding();
builder.Services.AddGrpcHealthChecks();
builder.Services.AddGrpcReflection();
builder.AddDeliveries().AddDisks().AddDropFolder().AddImages().AddForgetting().AddReviews().AddLabelErrors().AddLesionViews().AddFeedback().AddDatasets().AddTrainingRuns();

var app = builder.Build();
app.UseMiddleware<UnreadableMessages>();
app.MapServiceDefaults().MapDeliveries().MapDatasets().MapReviews().MapTrainingRuns();
app.MapGrpcHealthChecksService().AllowAnonymous();
app.MapGrpcReflectionService();
await app.RunAsync();
return 0;
