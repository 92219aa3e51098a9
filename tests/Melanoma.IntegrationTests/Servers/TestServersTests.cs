using System.Net.Sockets;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Servers;

public sealed class TestServersTests(TestServers servers)
{
    [Fact]
    public async Task Should_give_each_test_its_own_database_when_asked_twice()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var first = await servers.CreateDatabaseAsync(cancellation);
        var second = await servers.CreateDatabaseAsync(cancellation);
        await using (var source = NpgsqlDataSource.Create(first))
        {
            await using var create = source.CreateCommand("CREATE TABLE only_here (id int)");
            await create.ExecuteNonQueryAsync(cancellation);
        }

        await using var other = NpgsqlDataSource.Create(second);
        await using var look = other.CreateCommand("SELECT to_regclass('only_here') IS NULL");

        Assert.True((bool)(await look.ExecuteScalarAsync(cancellation))!);
    }

    [Fact]
    public async Task Should_refuse_a_wrong_password_when_connecting_over_tcp()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var address = new NpgsqlConnectionStringBuilder(await servers.CreateDatabaseAsync(cancellation)) { Password = "guess", Pooling = false };
        await using var connection = new NpgsqlConnection(address.ConnectionString);

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync(cancellation));

        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
    }

    [Fact]
    public async Task Should_give_a_broker_that_answers_when_a_virtual_host_is_asked_for()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var address = new Uri(await servers.CreateVirtualHostAsync(cancellation));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, cancellation);
        var stream = client.GetStream();
        await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancellation);
        var frame = new byte[1];
        await stream.ReadExactlyAsync(frame, cancellation);

        Assert.Equal(1, frame[0]);
        Assert.StartsWith("/test_", address.AbsolutePath, StringComparison.Ordinal);
    }
}
