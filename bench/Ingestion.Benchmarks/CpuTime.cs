using System.Globalization;
using Npgsql;

namespace Melanoma.Ingestion.Benchmarks;

/// <summary>Processor time in seconds of whoever shares the machine in a run. It says where the time goes, and other work on the machine disturbs it less than a rate.</summary>
internal readonly record struct CpuTime(double Bench, double Service, double Postgres)
{
    // USER_HZ of Linux, the same on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    // Fields of /proc/PID/stat behind the name in parentheses: see proc(5).
    private const int Parent = 1;
    private const int FirstTime = 11;
    private const int OwnTimes = 2;
    private const int OwnAndWaitedForTimes = 4;

    public static CpuTime operator -(CpuTime end, CpuTime begin) => new(end.Bench - begin.Bench, end.Service - begin.Service, end.Postgres - begin.Postgres);

    /// <summary>What was used until now by this process, by a service, and by the PostgreSQL that a connection leads to; 0 for one on another machine.</summary>
    public static async Task<CpuTime> NowAsync(int? service, string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT pg_backend_pid(), inet_client_addr() IS NOT DISTINCT FROM inet_server_addr()", connection);
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        var postgres = row.GetBoolean(1) && Fields(row.GetInt32(0)) is { } backend ? Postmaster(int.Parse(backend[Parent], CultureInfo.InvariantCulture)) : 0;
        return new CpuTime(Environment.CpuUsage.TotalTime.TotalSeconds, service is { } id ? Seconds(Fields(id), OwnTimes) : 0, postgres);
    }

    private static double Postmaster(int id)
    {
        var parent = id.ToString(CultureInfo.InvariantCulture);
        return Seconds(Fields(id), OwnAndWaitedForTimes) + Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var process) ? Fields(process) : null)
            .Where(fields => fields?[Parent] == parent)
            .Sum(fields => Seconds(fields, OwnTimes));
    }

    private static double Seconds(string[]? fields, int times) =>
        fields?.Skip(FirstTime).Take(times).Sum(ticks => long.Parse(ticks, CultureInfo.InvariantCulture)) / TicksPerSecond ?? 0;

    private static string[]? Fields(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
