using Melanoma.Contracts.V1;
using Melanoma.Gateway;
using Melanoma.Gateway.Routing;

namespace Melanoma.UnitTests.Gateway;

public sealed class RouteTableTests
{
    [Fact]
    public void Should_have_a_row_for_each_service_when_the_contracts_declare_it()
    {
        var declared = typeof(ClassifierReflection).Assembly.GetTypes()
            .Select(type => type.GetProperty("Descriptor")?.GetValue(null))
            .OfType<Google.Protobuf.Reflection.FileDescriptor>()
            .Where(file => file.Package == "melanoma.v1")
            .SelectMany(file => file.Services)
            .Select(service => service.FullName);

        Assert.Equal(declared.Order(), RouteTable.Services.Select(row => row.Service.FullName).Concat(RouteTable.OwnServices.Select(service => service.FullName)).Order());
    }

    [Fact]
    public void Should_name_each_route_once_when_all_are_listed() =>
        Assert.Equal(RouteTable.Routes.Length, RouteTable.Routes.Select(route => route.Name).Distinct().Count());

    [Theory]
    [InlineData("POST", "/v1/classify", "inference")]
    [InlineData("GET", "/v1/models", "inference")]
    [InlineData("GET", "/v1/models:history", "inference")]
    [InlineData("POST", "/v1/models/{version}:promote", "inference")]
    [InlineData("GET", "/v1/predictions/{prediction_id}", "inference")]
    [InlineData("GET", "/v1/serving", "inference")]
    [InlineData("GET", "/v1/images:distribution", "ingestion")]
    [InlineData("POST", "/v1/runs", "ingestion")]
    [InlineData("POST", "/v1/runs/{run_id}:pause", "ingestion")]
    [InlineData("POST", "/v1/runs/{run_id}:resume", "ingestion")]
    [InlineData("GET", "/v1/recipes", "ingestion")]
    public void Should_send_a_JSON_route_to_the_owner_of_its_service_when_the_proto_declares_it(string method, string path, string backend)
    {
        var route = Assert.Single(RouteTable.Routes, route => route.Method == method && route.Path == path);

        Assert.Equal(backend, route.Backend.Name);
        Assert.Equal(Wire.Http, route.Wire);
    }

    [Fact]
    public void Should_take_the_largest_image_as_base64_when_it_is_classified()
    {
        var classify = Assert.Single(RouteTable.Routes, route => route.Path == "/v1/classify");

        Assert.True(classify.BodyBytes > 20L * 1024 * 1024 / 3 * 4);
        Assert.Equal(GatewayLimits.ClassifyBodyBytes, classify.BodyBytes);
    }
}
