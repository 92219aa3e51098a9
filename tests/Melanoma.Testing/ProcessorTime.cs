using System.Globalization;
using Npgsql;

namespace Melanoma.Testing;

/// <summary>Processor time in seconds that processes of this machine have used since their start.</summary>
public static class ProcessorTime
{
    // USER_HZ of Linux, the same on every architecture that .NET runs on.
    private const double TicksPerSecond = 100;

    // Fields of /proc/PID/stat behind the name in parentheses: see proc(5).
    private const int Parent = 1;
    private const int FirstTime = 11;
    private const int OwnTimes = 2;
    private const int OwnAndWaitedForTimes = 4;

    /// <summary>A process, without its children; 0 for one that has ended.</summary>
    /// <param name="id">The process id.</param>
    public static double Of(int id) => Seconds(Fields(id), OwnTimes);

    /// <summary>The PostgreSQL that a connection leads to, with all its processes; 0 for one on another machine.</summary>
    /// <param name="connectionString">Any connection string to it.</param>
    public static async Task<double> OfPostgresAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT pg_backend_pid(), inet_client_addr() IS NOT DISTINCT FROM inet_server_addr()", connection);
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        return row.GetBoolean(1) && Fields(row.GetInt32(0)) is { } backend ? OfPostmaster(int.Parse(backend[Parent], CultureInfo.InvariantCulture)) : 0;
    }

    private static double OfPostmaster(int id)
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
