using Melanoma.Augmentation;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.ServiceDefaults.Messaging;
using Melanoma.Storage.Roles;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.AddServiceDefaults().AddMelanomaDatabase(ServiceRole.Augmentation).AddAugmentation();
builder.AddMelanomaBus(ServiceRole.Augmentation, AugmentationRegistration.DeclareQueues);

var app = builder.Build();
app.MapServiceDefaults();
await app.RunAsync();
