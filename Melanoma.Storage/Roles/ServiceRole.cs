namespace Melanoma.Storage.Roles;

/// <summary>A service as the database knows it: each has a Postgres role that may read everything and write only its own tables.</summary>
public enum ServiceRole
{
    /// <summary>Ingestion.Service.</summary>
    Ingestion = 0,

    /// <summary>Augmentation.Worker.</summary>
    Augmentation = 1,

    /// <summary>Training.Worker.</summary>
    Training = 2,

    /// <summary>Inference.Api.</summary>
    Inference = 3,

    /// <summary>Gateway.</summary>
    Gateway = 4,
}

/// <summary>Names of service roles.</summary>
public static class ServiceRoleNames
{
    /// <summary>The service's short name, as in discovery and logs: <c>ingestion</c>.</summary>
    public static string ServiceName(this ServiceRole role) => role.ToString().ToLowerInvariant();

    /// <summary>The Postgres role: <c>melanoma_ingestion</c>.</summary>
    public static string DatabaseRole(this ServiceRole role) => "melanoma_" + role.ServiceName();
}
