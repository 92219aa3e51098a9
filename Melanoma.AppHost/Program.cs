using Melanoma.AppHost;

var builder = DistributedApplication.CreateBuilder(args);
builder.AddMelanoma();
await builder.Build().RunAsync();
