using Microsoft.Extensions.Configuration;

namespace Melanoma.AppHost;

/// <summary>The whole application: servers, the migration, the services, what each needs and what it waits for.</summary>
internal static class Topology
{
    private const string Ready = "/health/ready";
    private const string InternalKey = "Internal__Key";

    /// <summary>
    /// Adds everything. <c>Melanoma:ExternalInfrastructure=true</c> takes <c>ConnectionStrings:melanoma</c> and <c>ConnectionStrings:rabbitmq</c> as given
    /// and starts no container; <c>Melanoma:Replicas:{augmentation,training,inference}</c> sets how many of each run.
    /// </summary>
    /// <param name="builder">The application to add to.</param>
    public static void AddMelanoma(this IDistributedApplicationBuilder builder)
    {
        var servers = builder.Configuration.GetValue("Melanoma:ExternalInfrastructure", false)
            ? new Servers(builder.AddConnectionString("melanoma"), builder.AddConnectionString("rabbitmq"), Own: false)
            : builder.AddServers();

        // By which the services know the Gateway: 44 letters and digits are the base64 of 33 bytes. Made once and kept in the user's secrets.
        var internalKey = builder.AddParameter("internal-key", new GenerateParameterDefault { MinLength = 44, Special = false }, secret: true, persist: true);

        var migrate = builder.AddProject<Projects.Ingestion_Service>("migrate", Command)
            .WithArgs("migrate")
            .WithDatabase(servers);

        var ingestion = builder.AddService<Projects.Ingestion_Service>("ingestion", servers, migrate).WithEnvironment(InternalKey, internalKey);
        var augmentation = builder.AddService<Projects.Augmentation_Worker>("augmentation", servers, migrate).WithReplicas(builder.Replicas("augmentation", 2));
        var training = builder.AddService<Projects.Training_Worker>("training", servers, migrate).WithReplicas(builder.Replicas("training", 1))
            .WithEnvironment("MALLOC_ARENA_MAX", "1") // scripts/lib/services.sh says why
            .WithEnvironment("Training__BundledModel", Path.GetFullPath(Path.Combine(builder.AppHostDirectory, "..", "models")));
        var inference = builder.AddService<Projects.Inference_Api>("inference", servers, migrate).WithReplicas(builder.Replicas("inference", 1))
            .WithEnvironment(InternalKey, internalKey);
        var portal = builder.AddProject<Projects.Portal>("portal", Service)
            .WithEnvironment(InternalKey, internalKey)
            .WithHttpHealthCheck(Ready, endpointName: "http");
        var gateway = builder.AddProject<Projects.Gateway>("gateway", Service)
            .WithDatabase(servers)
            .WithReference(servers.Bus)
            .WithEnvironment(InternalKey, internalKey)
            .WaitForCompletion(migrate)
            .WithReference(ingestion).WaitFor(ingestion)
            .WithReference(inference).WaitFor(inference)
            .WithReference(portal)
            // Nothing is routed to the workers: Operations asks how they are.
            .WithReference(augmentation).WithReference(training)
            .WithHttpHealthCheck(Ready, endpointName: "http")
            .WithExternalHttpEndpoints();
        portal.WithReference(gateway);

        // Started by hand from the dashboard; each prints its key or token once, in its own log.
        builder.AddProject<Projects.Gateway>("local-key", Command)
            .WithArgs("keys", "create", "--name", "local", "--tenant", "local", "--roles", "classify,data,ops,read")
            .WithDatabase(servers)
            .WaitForCompletion(migrate)
            .WithExplicitStart();
        builder.AddProject<Projects.Gateway>("sign-in", Command)
            .WithArgs("sign-in", "create", "--key-name", "local")
            .WithDatabase(servers)
            .WaitForCompletion(migrate)
            .WithExplicitStart();
    }

    private static Servers AddServers(this IDistributedApplicationBuilder builder)
    {
        // The image tags are pinned before the volumes: Postgres 18 keeps its data under another path than 17.
        var database = builder.AddPostgres("postgres")
            .WithImageTag("17.6")
            .WithDataVolume("melanoma-postgres")
            .AddDatabase("melanoma");
        var bus = builder.AddRabbitMQ("rabbitmq")
            .WithImageTag("4.1")
            .WithDataVolume("melanoma-rabbitmq")
            .WithManagementPlugin();
        return new Servers(database, bus, Own: true);
    }

    private static IResourceBuilder<ProjectResource> AddService<TProject>(
        this IDistributedApplicationBuilder builder, [ResourceName] string name, Servers servers, IResourceBuilder<ProjectResource> migrate)
        where TProject : IProjectMetadata, new()
    {
        var service = builder.AddProject<TProject>(name, Service)
            .WithDatabase(servers)
            .WithReference(servers.Bus)
            .WaitForCompletion(migrate)
            .WithEnvironment("OMP_WAIT_POLICY", "passive")
            .WithEnvironment("DOTNET_gcServer", "0")
            .WithHttpHealthCheck(Ready, endpointName: "http");
        return servers.Own ? service.WaitFor(servers.Bus) : service;
    }

    private static IResourceBuilder<ProjectResource> WithDatabase(this IResourceBuilder<ProjectResource> project, Servers servers)
    {
        project.WithReference(servers.Database);
        return servers.Own ? project.WaitFor(servers.Database) : project;
    }

    private static int Replicas(this IDistributedApplicationBuilder builder, string service, int otherwise) =>
        builder.Configuration.GetValue($"Melanoma:Replicas:{service}", otherwise);

    // The endpoints come from each service's own Kestrel settings: http, and grpc where it has one.
    private static void Service(ProjectResourceOptions options) => options.ExcludeLaunchProfile = true;

    private static void Command(ProjectResourceOptions options)
    {
        options.ExcludeLaunchProfile = true;
        options.ExcludeKestrelEndpoints = true;
    }

    private sealed record Servers(
        IResourceBuilder<IResourceWithConnectionString> Database, IResourceBuilder<IResourceWithConnectionString> Bus, bool Own);
}
