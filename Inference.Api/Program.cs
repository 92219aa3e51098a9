using Melanoma.Contracts.Messages;
using Melanoma.Inference;
using Melanoma.Inference.Classification;
using Melanoma.Inference.Models;
using Melanoma.Inference.Predictions;
using Melanoma.Inference.Registry;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddMelanomaDatabase(ServiceRole.Inference);
builder.AddMelanomaBus(ServiceRole.Inference, queues => queues
    .Add<ModelTrainedConsumer>(MessageQueues.ModelTrained)
    .Add<ModelPromotedConsumer>(MessageQueues.ModelPromoted));
builder.AddInferenceServer();
builder.AddPredictions();
builder.AddModels();
builder.AddRegistry();
builder.AddClassification();

var app = builder.Build();
app.MapServiceDefaults();
app.MapInferenceServer();
app.MapClassification();
app.MapRegistry();
app.MapPredictions();
await app.RunAsync();
