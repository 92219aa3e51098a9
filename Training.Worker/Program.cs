using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;
using Melanoma.Training;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddMelanomaDatabase(ServiceRole.Training);
builder.AddMelanomaBus(ServiceRole.Training, TrainingRegistration.DeclareQueues);
builder.AddTraining();

var app = builder.Build();
app.MapServiceDefaults();
await app.RunAsync();
