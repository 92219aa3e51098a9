using System.Text.Json;
using Melanoma.Cli.Commands;

namespace Melanoma.Cli.Connection;

/// <summary>The stack that <c>./melanoma up</c> started on this machine, as <c>local.json</c> of the state folder describes it.</summary>
/// <param name="Grpc">The Gateway's gRPC address.</param>
/// <param name="Http">The Gateway's HTTP/1.1 address.</param>
/// <param name="Portal">Where the Portal is.</param>
/// <param name="ApiKey">A key with every role.</param>
internal sealed record LocalStack(Uri Grpc, Uri? Http, Uri? Portal, string ApiKey)
{
    /// <summary>The state folder, whether it exists or not.</summary>
    public static string StateFolder => Environment.GetEnvironmentVariable("MELANOMA_STATE") is { Length: > 0 } folder ? folder : ".melanoma";

    /// <summary>Reads <c>local.json</c>; null when no stack was started here.</summary>
    /// <exception cref="CommandFailure">The file is there but cannot be understood.</exception>
    public static LocalStack? Read()
    {
        var path = Path.Combine(StateFolder, "local.json");
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize<LocalStack>(File.ReadAllBytes(path), JsonSerializerOptions.Web) is { Grpc: not null, ApiKey: not null } stack
                ? stack
                : throw new JsonException("grpc or apiKey is missing");
        }
        catch (JsonException failure)
        {
            throw new CommandFailure($"{path} cannot be understood ({failure.Message}); `./melanoma up` writes it anew.");
        }
    }
}
