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

    /// <summary>Those threads of a process that live at the moment and have a name, by their ids. What a thread used is gone when it ends.</summary>
    /// <param name="id">The process id.</param>
    /// <param name="thread">The name, of which Linux keeps 15 characters.</param>
    public static IReadOnlyDictionary<string, double> OfThreads(int id, string thread)
    {
        var folder = $"/proc/{id}/task";
        return Directory.Exists(folder)
            ? (from task in Directory.EnumerateDirectories(folder)
               let fields = Fields(task, thread)
               where fields is not null
               select KeyValuePair.Create(task, Seconds(fields, OwnTimes))).ToDictionary()
            : new Dictionary<string, double>();
    }

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

    private static string[]? Fields(int process) => Fields($"/proc/{process}", name: null);

    private static string[]? Fields(string folder, string? name)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            var (begin, end) = (text.IndexOf('(') + 1, text.LastIndexOf(')'));
            return name is null || text[begin..end] == name ? text[(end + 2)..].Split(' ') : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
