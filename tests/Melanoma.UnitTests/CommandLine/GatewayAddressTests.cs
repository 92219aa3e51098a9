using Melanoma.Cli.Commands;
using Melanoma.Cli.Connection;

namespace Melanoma.UnitTests.CommandLine;

public sealed class GatewayAddressTests
{
    private static readonly LocalStack Local = new(new Uri("http://127.0.0.1:8081"), Http: null, Portal: null, "local-key");

    [Fact]
    public void Should_take_the_local_stack_when_nothing_else_is_said() =>
        Assert.Equal(new GatewayAddress(Local.Grpc, "local-key"), GatewayAddress.Find(address: null, apiKey: null, Local));

    [Theory]
    [InlineData("http://localhost:8081")]
    [InlineData("127.0.0.1:8081")]
    public void Should_use_the_local_key_when_the_address_is_the_local_stack_by_another_name(string address) =>
        Assert.Equal("local-key", GatewayAddress.Find(address, apiKey: null, Local).ApiKey);

    [Theory]
    [InlineData("http://hospital.example:8081")]
    [InlineData("http://localhost:9999")]
    public void Should_keep_the_local_key_to_itself_when_the_address_is_another(string address)
    {
        var refusal = Assert.Throws<CommandFailure>(() => GatewayAddress.Find(address, apiKey: null, Local));
        Assert.Contains("MELANOMA_API_KEY", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Should_prefer_the_given_key_when_both_are_there() =>
        Assert.Equal("given", GatewayAddress.Find(address: null, "given", Local).ApiKey);

    [Fact]
    public void Should_say_how_to_start_when_nothing_is_running()
    {
        var refusal = Assert.Throws<CommandFailure>(() => GatewayAddress.Find(address: null, apiKey: null, local: null));
        Assert.Contains("./melanoma up", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://localhost:1")]
    [InlineData("http://")]
    public void Should_refuse_when_the_address_is_none(string address) =>
        Assert.Throws<CommandFailure>(() => GatewayAddress.Find(address, "key", local: null));
}
