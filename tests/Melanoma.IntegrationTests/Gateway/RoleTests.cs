using System.Net;
using System.Net.Http.Json;
using Google.Api;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Routing;

namespace Melanoma.IntegrationTests.Gateway;

/// <summary>Every method and route, with a key of each single role, through the real door.</summary>
public sealed class RoleTests(GatewayFixture gateway) : IClassFixture<GatewayFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("classify")]
    [InlineData("data")]
    [InlineData("ops")]
    [InlineData("read")]
    public async Task Should_open_what_the_table_names_and_nothing_else_when_a_key_has_one_role(string name)
    {
        var key = await gateway.CommandAsync("keys", "create", "--name", $"only-{name}", "--tenant", "st-mary", "--roles", name);
        var role = CallerRoleNames.Of(name);
        using var client = gateway.Browse(key);
        var invoker = gateway.Connect(key);

        foreach (var route in RouteTable.Routes)
        {
            var isOpen = route.Roles is not { } roles || roles.HasFlag(role);
            if (route.Wire == Wire.Grpc)
            {
                var refusal = await Record.ExceptionAsync(() => CallAsync(invoker, route.Path));
                Assert.True(isOpen == (refusal is not RpcException { StatusCode: StatusCode.PermissionDenied }), $"{route.Name} with {name}: {refusal?.Message}");
                continue;
            }

            using var request = new HttpRequestMessage(new HttpMethod(route.Method ?? "GET"), GatewayFixture.Example(route.Path));
            using var response = await client.SendAsync(request, Cancellation);
            Assert.True(isOpen == (response.StatusCode != HttpStatusCode.Forbidden), $"{route.Name} with {name}: {response.StatusCode}");
        }
    }

    [Fact]
    public async Task Should_ask_for_the_roles_of_the_table_where_the_Gateway_answers_itself()
    {
        var own = RouteTable.OwnServices.SelectMany(service => service.Methods).ToList();
        Assert.NotEmpty(own);
        using var stranger = gateway.Browse(key: null);
        foreach (var name in CallerRoles.All.Names())
        {
            var key = await gateway.CommandAsync("keys", "create", "--name", $"own-{name}", "--tenant", "st-mary", "--roles", name);
            foreach (var method in own)
            {
                var refusal = await Record.ExceptionAsync(() => CallAsync(gateway.Connect(key), $"/{method.Service.FullName}/{method.Name}"));
                var isOpen = RoleTable.Of(method).HasFlag(CallerRoleNames.Of(name));
                Assert.True(isOpen == (refusal is not RpcException { StatusCode: StatusCode.PermissionDenied }), $"{method.FullName} with {name}: {refusal?.Message}");

                using var client = gateway.Browse(key);
                using var response = await client.SendAsync(Json(method), Cancellation);
                Assert.True(isOpen == (response.StatusCode != HttpStatusCode.Forbidden), $"{method.FullName} as JSON with {name}: {response.StatusCode}");
                if (!isOpen)
                    Assert.Contains("it takes the role ", await response.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
                using var unknown = await stranger.SendAsync(Json(method), Cancellation);
                Assert.True(unknown.StatusCode == HttpStatusCode.Unauthorized, $"{method.FullName} as JSON answers a stranger {unknown.StatusCode}");
            }
        }
    }

    [Fact]
    public async Task Should_answer_nobody_without_a_credential_when_it_is_not_about_health()
    {
        var stranger = gateway.Connect(key: null);
        foreach (var path in RouteTable.Routes.Where(route => route.Wire == Wire.Grpc).Select(route => route.Path)
            .Concat(RouteTable.Descriptors.Where(service => service.FullName != "grpc.health.v1.Health").SelectMany(service => service.Methods).Select(method => $"/{method.Service.FullName}/{method.Name}")))
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(() => CallAsync(stranger, path));
            Assert.True(refusal.StatusCode == StatusCode.Unauthenticated, $"{path} answers a stranger {refusal.StatusCode}");
        }
    }

    private static HttpRequestMessage Json(MethodDescriptor method)
    {
        var (verb, path) = RouteTable.PatternOf(method.GetOptions().GetExtension(AnnotationsExtensions.Http));
        var request = new HttpRequestMessage(new HttpMethod(verb), GatewayFixture.Example(path));
        if (verb != "GET")
            request.Content = JsonContent.Create(new { });
        return request;
    }

    // An empty message is a good one for every method; what the service makes of it does not matter here.
    private static async Task CallAsync(CallInvoker invoker, string path)
    {
        var parts = path.Split('/');
        var bytes = Marshallers.Create<byte[]>(message => message, message => message);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var call = invoker.AsyncServerStreamingCall(
            new Method<byte[], byte[]>(MethodType.ServerStreaming, parts[1], parts[2], bytes, bytes), host: null, new CallOptions(cancellationToken: deadline.Token), []);
        await call.ResponseStream.MoveNext(deadline.Token);
    }
}
