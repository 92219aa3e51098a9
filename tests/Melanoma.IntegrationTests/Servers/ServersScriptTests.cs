using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Servers;

[SupportedOSPlatform("linux")]
public sealed class ServersScriptTests : IDisposable
{
    private readonly string _state = Path.Combine(Path.GetTempPath(), $"melanoma-script-{Guid.NewGuid():N}"[..32]);

    [Fact]
    public async Task Should_keep_the_data_and_the_address_when_stopped_and_started()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await RunAsync("up", _state, "--postgres-only");
        var first = await File.ReadAllTextAsync(Path.Combine(_state, "servers.env"), cancellation);
        await RunAsync("down", _state);
        Assert.False(File.Exists(Path.Combine(_state, "servers.env")));

        await RunAsync("up", _state, "--postgres-only");

        Assert.Equal(first, await File.ReadAllTextAsync(Path.Combine(_state, "servers.env"), cancellation));
    }

    [Fact]
    public async Task Should_use_running_servers_again_when_started_twice()
    {
        await RunAsync("up", _state, "--postgres-only");
        var pid = await File.ReadAllTextAsync(Path.Combine(_state, "postgres", "pid"), TestContext.Current.CancellationToken);

        var said = await RunAsync("up", _state, "--postgres-only");

        Assert.Contains("already running", said, StringComparison.Ordinal);
        Assert.Equal(pid, await File.ReadAllTextAsync(Path.Combine(_state, "postgres", "pid"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Should_keep_secrets_to_the_owner_when_servers_are_up()
    {
        await RunAsync("up", _state, "--postgres-only");

        Assert.All(
            Directory.EnumerateFiles(_state).Append(Path.Combine(_state, "postgres", "password")),
            file => Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(file) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)));
    }

    [Fact]
    public async Task Should_say_what_to_install_when_a_server_cannot_be_had()
    {
        var start = Start("up", _state);
        start.Environment["ConnectionStrings__melanoma"] = "Host=elsewhere";
        start.Environment["MELANOMA_NO_RABBITMQ_BINARIES"] = start.Environment["MELANOMA_NO_CONTAINERS"] = start.Environment["MELANOMA_NO_APT"] = "1";
        using var process = Process.Start(start)!;
        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(69, process.ExitCode);
        Assert.Contains("apt-get install rabbitmq-server", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_stop_and_delete_everything_when_the_caller_is_gone()
    {
        var start = Start("up", _state, "--postgres-only", "--until-stdin-closes");
        start.RedirectStandardInput = true;
        using var process = Process.Start(start)!;
        await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var port = int.Parse(await File.ReadAllTextAsync(Path.Combine(_state, "postgres", "port"), TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);

        process.StandardInput.Close();

        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Directory.Exists(_state))
            await tick.WaitForNextTickAsync(deadline.Token);
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken).AsTask());
    }

    public void Dispose()
    {
        using var process = Process.Start(Start("down", _state, "--delete"))!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(Start(arguments))!;
        var said = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode == 69)
            throw new TestSkippedException(said.TrimEnd().Split('\n')[^1]);
        Assert.True(process.ExitCode == 0, said);
        return said;
    }

    private static ProcessStartInfo Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts", "servers"), arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        // What the machine offers is under test, not what a developer may have set.
        start.Environment.Remove("ConnectionStrings__melanoma");
        start.Environment.Remove("ConnectionStrings__rabbitmq");
        return start;
    }
}
