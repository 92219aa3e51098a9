using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Melanoma.Testing;

namespace Melanoma.UnitTests.Topology;

/// <summary>What is written down twice because two tools need it must say the same.</summary>
public sealed partial class TopologyTests
{
    [Fact]
    public void Should_start_the_same_services_when_comparing_the_launcher_and_the_app_host()
    {
        var launcher = Regex.Matches(Read("scripts/lib/services.sh"), @"\[(\w+)\]=([A-Z]\w*(?:\.\w+)?)").ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        var appHost = Resources().Matches(Read("Melanoma.AppHost/Topology.cs"))
            .Select(match => (Name: match.Groups["name"].Value, Project: match.Groups["project"].Value.Replace('_', '.')))
            .ToDictionary(resource => resource.Name, resource => resource.Project);

        Assert.Equal(6, launcher.Count);
        Assert.Equal(launcher.OrderBy(pair => pair.Key), appHost.OrderBy(pair => pair.Key));
    }

    [Fact]
    public void Should_listen_where_the_launcher_expects_it_when_reading_each_services_settings()
    {
        var script = Read("scripts/lib/services.sh");
        var withGrpc = Regex.Match(script, @"SERVICE_HAS_GRPC=\((.*)\)").Groups[1].Value;
        foreach (Match service in Regex.Matches(script, @"\[(\w+)\]=([A-Z]\w*(?:\.\w+)?)"))
        {
            using var settings = JsonDocument.Parse(Read($"{service.Groups[2].Value}/appsettings.json"), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
            var endpoints = settings.RootElement.GetProperty("Kestrel").GetProperty("Endpoints").EnumerateObject().Select(endpoint => endpoint.Name).Order();

            Assert.Equal(withGrpc.Contains($"[{service.Groups[1].Value}]", StringComparison.Ordinal) ? ["grpc", "http"] : ["http"], endpoints);
        }
    }

    [Fact]
    public void Should_build_every_program_when_the_launcher_builds()
    {
        using var filter = JsonDocument.Parse(Read("Melanoma.Services.slnf"));
        var built = filter.RootElement.GetProperty("solution").GetProperty("projects").EnumerateArray().Select(project => project.GetString()!).ToHashSet();
        var all = Regex.Matches(Read("Melanoma.sln"), @"""([^""]+\.csproj)""").Select(match => match.Groups[1].Value.Replace('\\', '/'));

        Assert.All(
            all.Where(project => !project.StartsWith("tests/", StringComparison.Ordinal) && !project.StartsWith("bench/", StringComparison.Ordinal)
                && !project.StartsWith("samples/csharp/", StringComparison.Ordinal) && !project.StartsWith("Melanoma.AppHost/", StringComparison.Ordinal)),
            project => Assert.Contains(project, built));
    }

    [Fact]
    public void Should_name_one_version_of_Aspire_when_it_stands_in_two_files()
    {
        var central = XDocument.Parse(Read("Directory.Packages.props")).Descendants("AspireVersion").Single().Value;
        var imports = XDocument.Parse(Read("Melanoma.AppHost/Melanoma.AppHost.csproj")).Descendants("Import").Where(import => (string?)import.Attribute("Sdk") == "Aspire.AppHost.Sdk");

        Assert.All(imports, import => Assert.Equal(central, (string?)import.Attribute("Version")));
    }

    [GeneratedRegex("""Add(?:Service|Project)<Projects\.(?<project>\w+)>\("(?<name>[a-z-]+)"(?!, Command)""")]
    private static partial Regex Resources();

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));
}
