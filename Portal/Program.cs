using Melanoma.Portal;
using Melanoma.ServiceDefaults;
using Melanoma.ServiceDefaults.Callers;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddGatewayCallers();
builder.AddPortal();

var app = builder.Build();
app.MapServiceDefaults();
app.MapPortal();
await app.RunAsync();
