using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;
using Melanoma.Training;
using Melanoma.Training.Exports;

if (args is [TrainExportCommand.Name, ..])
{
    return await TrainExportCommand.RunAsync(args);
}

if (args is [AddEightBitsCommand.Name, ..])
{
    return await AddEightBitsCommand.RunAsync(args);
}

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddMelanomaDatabase(ServiceRole.Training);
builder.AddMelanomaBus(ServiceRole.Training, TrainingRegistration.DeclareQueues);
builder.AddTraining();

var app = builder.Build();
app.MapServiceDefaults();
await app.RunAsync();
return 0;
