using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>A command that runs at a terminal, and all that it has shown there.</summary>
internal sealed partial class TerminalScreen : IAsyncDisposable
{
    // Of util-linux: runs a command at a terminal of its own and copies what that shows.
    private const string TerminalMaker = "/usr/bin/script";

    private readonly Process _process;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;

    private TerminalScreen(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>What was shown, every frame of it, without colours and movements.</summary>
    public string Text
    {
        get
        {
            lock (_shown)
                return Escapes().Replace(_shown.ToString(), "");
        }
    }

    /// <summary>Starts the command line at a terminal.</summary>
    /// <exception cref="TestSkippedException">There is no program that makes one.</exception>
    public static TerminalScreen Show(Stack stack, params string[] arguments)
    {
        if (!File.Exists(TerminalMaker))
            throw new TestSkippedException($"{TerminalMaker} is not there, which gives a command a terminal: install util-linux.");
        var command = string.Join(' ', arguments.Prepend(Repository.Executable("Melanoma.Cli")).Select(word => $"'{word}'"));
        var start = stack.StartInfo(TerminalMaker, "-qefc", $"stty cols 160 rows 40; exec {command}", "/dev/null");
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.Environment["TERM"] = "xterm-256color";

        // Where tests run by themselves nobody is thought to look, and no bars are drawn.
        foreach (var name in start.Environment.Keys.Where(name => name is "CI" or "GITHUB_ACTIONS" or "GITLAB_CI" or "TF_BUILD" or "NO_COLOR").ToList())
            start.Environment.Remove(name);
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new TerminalScreen(process);
    }

    /// <summary>Waits until this is shown.</summary>
    /// <exception cref="InvalidOperationException">The command ended first, or time ran out; the message holds what was shown.</exception>
    public async Task WaitForAsync(string text, CancellationToken cancellationToken)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!Text.Contains(text, StringComparison.Ordinal))
        {
            if (_reading.IsCompleted || cancellationToken.IsCancellationRequested)
                throw new InvalidOperationException($"'{text}' was not shown:\n{Text}");
            await tick.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>Waits for the end of the command and gives its exit code.</summary>
    public async Task<int> EndAsync(CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken);
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new char[4096];
        while (await _process.StandardOutput.ReadAsync(buffer) is > 0 and var count)
        {
            lock (_shown)
                _shown.Append(buffer, 0, count);
        }
    }

    [GeneratedRegex(@"\x1B(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")]
    private static partial Regex Escapes();
}
