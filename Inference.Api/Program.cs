using Melanoma.Contracts.Messages;
using Melanoma.Inference;
using Melanoma.Inference.Audit;
using Melanoma.Inference.Classification;
using Melanoma.Inference.Feedback;
using Melanoma.Inference.Models;
using Melanoma.Inference.Predictions;
using Melanoma.Inference.Registry;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddGatewayCallers();
builder.AddMelanomaDatabase(ServiceRole.Inference);
builder.AddMelanomaBus(ServiceRole.Inference, queues => queues
    .Add<ModelTrainedConsumer>(MessageQueues.ModelTrained)
    .Add<ModelPromotedConsumer>(MessageQueues.ModelPromoted));
builder.AddInferenceServer();
builder.AddAudit();
builder.AddPredictions();
builder.AddModels();
builder.AddRegistry();
builder.AddClassification();
builder.AddFeedback();

var app = builder.Build();
app.MapServiceDefaults();
app.MapInferenceServer();
app.MapClassification();
app.MapRegistry();
app.MapPredictions();
app.MapAudit();
await app.RunAsync();
