using System.Diagnostics;
using System.Net;
using System.Text;

namespace Melanoma.Testing;

/// <summary>
/// A built service run as a process of its own, on free loopback ports, with its log kept. Dies with the test process, however that ends.
/// </summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private const int LogLimit = 4_000_000;

    private readonly string _project;
    private readonly Process _process;
    private readonly Process _lifeline;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource _outputEnded = new();
    private int _openStreams = 2;

    private ServiceProcess(string project, IReadOnlyDictionary<string, string?> environment, IEnumerable<string> arguments)
    {
        _project = project;
        Http = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        Grpc = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var start = StartInfo(project, arguments);
        start.Environment["Kestrel__Endpoints__http__Url"] = Http.OriginalString;
        if (project is "Gateway" or "Ingestion.Service" or "Inference.Api")
            start.Environment["Kestrel__Endpoints__grpc__Url"] = Grpc.OriginalString;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _lifeline = StartLifeline(_process.Id);
    }

    /// <summary>The HTTP/1.1 address: health, JSON, pages.</summary>
    public Uri Http { get; }

    /// <summary>The HTTP/2 address without TLS, for the services that have one.</summary>
    public Uri Grpc { get; }

    /// <summary>The operating system's process id.</summary>
    public int Id => _process.Id;

    /// <summary>Memory of the machine that the process takes at the moment, in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
        }
    }

    /// <summary>Whether the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>What the service has written so far, both streams, at most the last four million characters.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Starts a service and returns at once; wait with <see cref="WaitUntilReadyAsync(CancellationToken)"/>.</summary>
    /// <param name="project">The project's folder name, such as <c>Ingestion.Service</c>.</param>
    /// <param name="environment">Settings as environment variables, such as <c>ConnectionStrings__melanoma</c>; null removes one.</param>
    /// <param name="arguments">Command line arguments; never secrets.</param>
    public static ServiceProcess Start(string project, IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        new(project, environment, arguments);

    /// <summary>Runs a service's command, such as <c>Ingestion.Service migrate</c>, to its end and returns what it printed on stdout.</summary>
    /// <param name="project">The project's folder name.</param>
    /// <param name="environment">Settings as environment variables.</param>
    /// <param name="arguments">The command.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <exception cref="InvalidOperationException">The command failed; the message holds its output.</exception>
    public static async Task<string> RunAsync(
        string project, IReadOnlyDictionary<string, string?> environment, string[] arguments, CancellationToken cancellationToken = default)
    {
        var start = StartInfo(project, arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        await using var kill = cancellationToken.Register(() => process.Kill());
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{project} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{await output}{await errors}");
    }

    /// <summary>Waits at most a minute until <c>/health/ready</c> answers 200.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="InvalidOperationException">The process ended, or the minute passed; the message holds the end of its log.</exception>
    public Task WaitUntilReadyAsync(CancellationToken cancellationToken = default) => WaitUntilReadyAsync(TimeSpan.FromMinutes(1), cancellationToken);

    /// <summary>Waits until <c>/health/ready</c> answers 200.</summary>
    /// <param name="deadline">At most this long.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="InvalidOperationException">The process ended, or the deadline passed; the message holds the end of its log.</exception>
    public async Task WaitUntilReadyAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = Http, Timeout = TimeSpan.FromSeconds(5) };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var last = "no answer";
        try
        {
            do
            {
                if (_process.HasExited)
                    throw Failure($"ended with {_process.ExitCode} before it was ready");
                try
                {
                    using var response = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), limit.Token);
                    if (response.StatusCode == HttpStatusCode.OK)
                        return;
                    last = $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(limit.Token)}";
                }
                catch (HttpRequestException failure)
                {
                    last = failure.Message;
                }
                catch (OperationCanceledException) when (!limit.IsCancellationRequested)
                {
                    // The first answer of a busy machine may take longer than one question waits.
                    last = $"no answer within {client.Timeout.TotalSeconds} s";
                }
            }
            while (await tick.WaitForNextTickAsync(limit.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failure($"was not ready in time, last answer: {last}");
        }
    }

    /// <summary>Ends the process at once, with SIGKILL, as a power cut would.</summary>
    public async Task KillAsync()
    {
        Signal(NativeMethods.SigKill);
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks the process to end with SIGTERM and returns its exit code.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<int> StopAsync(CancellationToken cancellationToken = default)
    {
        Signal(NativeMethods.SigTerm);
        await _process.WaitForExitAsync(cancellationToken);
        await _outputEnded.Task.WaitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Freezes the process (SIGSTOP).</summary>
    public void Freeze() => Signal(NativeMethods.SigStop);

    /// <summary>Lets a frozen process go on (SIGCONT).</summary>
    public void Thaw() => Signal(NativeMethods.SigCont);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal(NativeMethods.SigCont);
            Signal(NativeMethods.SigTerm);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(15));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }

        _lifeline.Kill();
        _lifeline.Dispose();
        _process.Dispose();
    }

    private static ProcessStartInfo StartInfo(string project, IEnumerable<string> arguments)
    {
        var executable = Repository.Executable(project);
        var start = new ProcessStartInfo(executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(executable)!,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["OMP_WAIT_POLICY"] = "passive";
        start.Environment["Internal__Key"] = PlayedGateway.Key;
        return start;
    }

    private static Process StartLifeline(int pid)
    {
        // Reads a pipe that the kernel closes when this process dies, then kills the service that would be left behind.
        var start = new ProcessStartInfo("bash") { RedirectStandardInput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("read -r _; kill -KILL \"$1\"");
        start.ArgumentList.Add("lifeline");
        start.ArgumentList.Add(pid.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return Process.Start(start)!;
    }

    private void Append(string? line)
    {
        if (line is null)
        {
            if (Interlocked.Decrement(ref _openStreams) == 0)
                _outputEnded.TrySetResult();
            return;
        }

        lock (_log)
        {
            _log.AppendLine(line);
            if (_log.Length > LogLimit)
                _log.Remove(0, _log.Length - (LogLimit / 2));
        }
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited && NativeMethods.Kill(_process.Id, signal) != 0 && !_process.HasExited)
            throw new InvalidOperationException($"{_project} ({_process.Id}) could not be sent signal {signal}.");
    }

    private InvalidOperationException Failure(string what)
    {
        var log = Log;
        return new InvalidOperationException($"{_project} {what}. The end of its log:\n{log[Math.Max(0, log.Length - 8000)..]}");
    }
}
