using System.Globalization;
using System.Text.RegularExpressions;
using Melanoma.Contracts;
using Melanoma.Samples;
using Melanoma.Storage;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.EndToEndTests;

/// <summary>What somebody sees who waits at a terminal for a delivery.</summary>
public sealed partial class ProgressTests(TestServers servers)
{
    private const int Pictures = 1500;
    private const int Side = 32;

    private const string ReleaseLock = "SELECT pg_advisory_unlock_all()";

    private static readonly string TakeLock = $"SELECT pg_advisory_lock({AdvisoryLocks.Catalogue.ToString(CultureInfo.InvariantCulture)})";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Should_show_rate_and_remaining_time_when_a_delivery_is_taken_in()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        await using var stack = await Stack.StartAsync(servers, workers: 0, deadline.Token);
        var folder = Path.Combine(stack.Folder, "delivered");
        Write(folder);

        // Whoever holds the catalogue's lock lets one batch in after the other, so that the bar can be looked at on a machine of any speed.
        await using var gate = await stack.Database.OpenConnectionAsync(deadline.Token);
        await ExecuteAsync(gate, TakeLock, deadline.Token);
        await using var screen = TerminalScreen.Show(stack, "ingest", folder);
        for (var batch = 0; batch < 2; batch++)
            await screen.WaitForAsync(Files(await LetMoreInAsync(stack, gate, deadline.Token)), deadline.Token);
        var half = screen.Text;
        await ExecuteAsync(gate, ReleaseLock, deadline.Token);
        var exitCode = await screen.EndAsync(deadline.Token);

        Assert.Equal(0, exitCode);
        Assert.Matches(SentBytes(), half);
        Assert.Matches(TakenFilesRateAndRemaining(), half);
        Assert.Contains(Files(Pictures), screen.Text, StringComparison.Ordinal);
    }

    /// <summary>Lets a batch or more of the delivery in, and says how many files have a line then.</summary>
    private static async Task<long> LetMoreInAsync(Stack stack, NpgsqlConnection gate, CancellationToken cancellationToken)
    {
        var before = await CountAsync();
        var now = before;
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (now == before)
        {
            // Locks are given in the order in which they were asked for: whoever waits goes first.
            await ExecuteAsync(gate, $"{ReleaseLock}; {TakeLock}", cancellationToken);
            await tick.WaitForNextTickAsync(cancellationToken);
            now = await CountAsync();
        }

        Assert.InRange(now, before + 1, Pictures - 1);
        return now;

        Task<long> CountAsync() => stack.QueryAsync<long>("SELECT count(*) FROM delivery_files", cancellationToken);
    }

    private static string Files(long count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} files");

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void Write(string folder)
    {
        for (var number = 0; number < Pictures; number++)
        {
            var path = Path.Combine(folder, "Train", Diagnoses.Names[number % Diagnoses.Count], $"{number}.jpg");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, SyntheticLesions.DrawJpeg(number % Diagnoses.Count, number, Side));
        }
    }

    [GeneratedRegex(@"Sending delivered[^\n]*\d/[0-9.]+ [KM]i?B\b")]
    private static partial Regex SentBytes();

    [GeneratedRegex(@"Taking in[^\n]* \d+ files +[0-9.]+ files/s +\d\d:\d\d:\d\d")]
    private static partial Regex TakenFilesRateAndRemaining();
}
