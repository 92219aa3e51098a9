using Melanoma.Gateway;
using Melanoma.Gateway.Commands;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage.Roles;

if (GatewayCommands.Wants(args))
    return await GatewayCommands.RunAsync(args);

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddMelanomaDatabase(ServiceRole.Gateway);
builder.AddGateway();

var app = builder.Build();
app.MapGateway();
await app.RunAsync();
return 0;
