using Melanoma.Gateway.Access;

namespace Melanoma.Gateway.Keys;

/// <summary>The API keys of the installation.</summary>
internal static class KeysRegistration
{
    public static void AddKeys(this WebApplicationBuilder builder) => builder.Services.AddSingleton<KeyRing>();

    public static void MapKeys(this IEndpointRouteBuilder endpoints) => endpoints.MapGrpcService<KeysService>().RequireRolesOfTable(Contracts.V1.Keys.Descriptor);
}
