using System.Collections.Concurrent;
using Melanoma.Gateway.Access;
using Melanoma.ServiceDefaults.Callers;
using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Gateway.Limits;

/// <summary>
/// Counts what callers send in a day (UTC), together with the other Gateways: each adds what it has counted to the database every quarter of a minute and learns
/// the sum, so that at most that much passes beyond a limit. Keeps the time of a key's last use by the way.
/// </summary>
internal sealed partial class DailyBytes(
    IOptions<CallerLimitsOptions> options, NpgsqlDataSource dataSource, IDbContextFactory<MelanomaDbContext> databases, TimeProvider time, ILogger<DailyBytes> logger)
    : BackgroundService
{
    private const int MaxCounters = 10_000;
    private const int KeptDays = 400;

    // Sorted, so that two Gateways never wait for each other in a circle.
    private const string Add = """
        INSERT INTO daily_usage AS usage (day, tenant, caller, calls, bytes)
        SELECT r.day, r.tenant, r.caller, r.calls, r.bytes
        FROM unnest($1::date[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS r (day, tenant, caller, calls, bytes)
        ORDER BY r.day, r.tenant, r.caller
        ON CONFLICT (day, tenant, caller) DO UPDATE SET calls = usage.calls + excluded.calls, bytes = usage.bytes + excluded.bytes
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<(string Tenant, string Caller), Counter> _callers = new();
    private readonly ConcurrentDictionary<string, Counter> _tenants = new(StringComparer.Ordinal);

    private DateOnly? _pruned;

    private DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    /// <summary>Counts a call that begins.</summary>
    public Account Open(KnownCaller caller)
    {
        CounterOf(_callers, (caller.Caller.Tenant, caller.Caller.Name), Today).AddCall();
        return new Account(this, caller.Caller, caller.Allowance.BytesPerDay ?? options.Value.Key.BytesPerDay, options.Value.Tenant.BytesPerDay);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryShareAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await TryShareAsync(stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static Counter CounterOf<TKey>(ConcurrentDictionary<TKey, Counter> counters, TKey key, DateOnly today)
        where TKey : notnull
    {
        if (counters.Count >= MaxCounters && !counters.ContainsKey(key))
        {
            // Who has nothing left to tell is learnt of again when it next calls.
            foreach (var (idle, _) in counters.Where(pair => pair.Value.Pending == (0, 0)))
                counters.TryRemove(idle, out _);
        }

        var counter = counters.GetOrAdd(key, static (_, day) => new Counter(day), today);
        return counter.Day == today ? counter : counters.AddOrUpdate(key, _ => new Counter(today), (_, old) => old.Day == today ? old : new Counter(today, old));
    }

    private async Task TryShareAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ShareAsync(cancellationToken);
        }
        catch (Exception exception) when (DatabaseTrouble.Is(exception))
        {
            LogLater(exception.Message);
        }
    }

    private async Task ShareAsync(CancellationToken cancellationToken)
    {
        var told = _callers.SelectMany(pair => pair.Value.Take().Select(taken => (pair.Key.Tenant, pair.Key.Caller, Counter: pair.Value, Taken: taken))).ToList();
        try
        {
            if (told.Count > 0)
                await WriteAsync(told.ConvertAll(row => (row.Taken.Day, row.Tenant, row.Caller, row.Taken.Calls, row.Taken.Bytes)), cancellationToken);
        }
        catch
        {
            told.ForEach(row => row.Counter.PutBack(row.Taken));
            throw;
        }

        await LearnAsync(cancellationToken);
        if (_pruned != Today)
        {
            await using var database = await databases.CreateDbContextAsync(cancellationToken);
            var oldest = Today.AddDays(-KeptDays);
            await database.DailyUsage.Where(row => row.Day < oldest).ExecuteDeleteAsync(cancellationToken);
            _pruned = Today;
        }
    }

    private async Task WriteAsync(List<(DateOnly Day, string Tenant, string Caller, long Calls, long Bytes)> rows, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var add = new NpgsqlCommand(Add, connection, transaction))
        {
            add.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Date, Value = rows.ConvertAll(row => row.Day).ToArray() });
            add.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = rows.ConvertAll(row => row.Tenant).ToArray() });
            add.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = rows.ConvertAll(row => row.Caller).ToArray() });
            add.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint, Value = rows.ConvertAll(row => row.Calls).ToArray() });
            add.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint, Value = rows.ConvertAll(row => row.Bytes).ToArray() });
            await add.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (var use = new NpgsqlCommand("UPDATE api_keys SET last_used_at = $1 WHERE name = ANY ($2) AND (last_used_at IS NULL OR last_used_at < $1)", connection, transaction))
        {
            use.Parameters.Add(new() { Value = time.GetUtcNow() });
            use.Parameters.Add(new() { Value = rows.ConvertAll(row => row.Caller).Distinct().Order(StringComparer.Ordinal).ToArray() });
            await use.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private async Task LearnAsync(CancellationToken cancellationToken)
    {
        var today = Today;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.DailyUsage.AsNoTracking().Where(row => row.Day == today).ToListAsync(cancellationToken);
        foreach (var row in rows)
            CounterOf(_callers, (row.Tenant, row.Caller), today).Learn(row.Bytes);
        foreach (var tenant in rows.GroupBy(row => row.Tenant))
        {
            var here = _callers.Where(pair => pair.Key.Tenant == tenant.Key && pair.Value.Day == today).Sum(pair => pair.Value.Pending.Bytes);
            CounterOf(_tenants, tenant.Key, today).Set(tenant.Sum(row => row.Bytes), here);
        }
    }

    /// <summary>The bytes of one call, as they come; of a call that lasts over midnight they are those of the day on which they came.</summary>
    internal readonly record struct Account(DailyBytes Owner, Caller Caller, long CallerLimit, long TenantLimit)
    {
        /// <summary>Whether neither the caller nor its tenant has used up its day.</summary>
        public bool IsGood => OfCaller.Bytes < CallerLimit && OfTenant.Bytes < TenantLimit;

        /// <summary>Until the next day begins.</summary>
        public TimeSpan UntilTomorrow => Owner.Today.AddDays(1).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc) - Owner.Time.GetUtcNow().UtcDateTime;

        /// <summary>Counts bytes that were read.</summary>
        public void Add(long bytes)
        {
            OfCaller.Add(bytes);
            OfTenant.Add(bytes);
        }

        private Counter OfCaller => CounterOf(Owner._callers, (Caller.Tenant, Caller.Name), Owner.Today);

        private Counter OfTenant => CounterOf(Owner._tenants, Caller.Tenant, Owner.Today);
    }

    /// <summary>What is known of one caller, or one tenant, on one day.</summary>
    internal sealed class Counter(DateOnly day, Counter? before = null)
    {
        private long _calls;
        private long _pending;
        private long _shared;

        // What yesterday's counter has not told yet.
        private Counter? _before = before is { Pending: (0, 0) } ? null : before;

        public DateOnly Day => day;

        public long Bytes => Volatile.Read(ref _pending) + Volatile.Read(ref _shared);

        public (long Calls, long Bytes) Pending => (Volatile.Read(ref _calls), Volatile.Read(ref _pending));

        public void AddCall() => Interlocked.Increment(ref _calls);

        public void Add(long bytes) => Interlocked.Add(ref _pending, bytes);

        /// <summary>Takes what is to be told.</summary>
        public IEnumerable<(DateOnly Day, long Calls, long Bytes)> Take()
        {
            foreach (var earlier in Interlocked.Exchange(ref _before, null)?.Take() ?? [])
                yield return earlier;
            var (calls, bytes) = (Interlocked.Exchange(ref _calls, 0), Interlocked.Exchange(ref _pending, 0));
            Interlocked.Add(ref _shared, bytes);
            if (calls != 0 || bytes != 0)
                yield return (day, calls, bytes);
        }

        /// <summary>Takes back what could not be told.</summary>
        public void PutBack((DateOnly Day, long Calls, long Bytes) taken)
        {
            // Yesterday's is counted today rather than not at all.
            Interlocked.Add(ref _calls, taken.Calls);
            Interlocked.Add(ref _pending, taken.Bytes);
            if (taken.Day == day)
                Interlocked.Add(ref _shared, -taken.Bytes);
        }

        /// <summary>What the database knows, of all Gateways.</summary>
        public void Learn(long bytes) => Volatile.Write(ref _shared, bytes);

        /// <summary>What the database knows of all, and what this Gateway has not told it yet.</summary>
        public void Set(long shared, long pending)
        {
            Volatile.Write(ref _shared, shared);
            Volatile.Write(ref _pending, pending);
        }
    }

    private TimeProvider Time => time;

    [LoggerMessage(1, LogLevel.Warning, "What callers have sent is told to the database later: {Reason}")]
    private partial void LogLater(string reason);
}
