using Melanoma.Testing;

namespace Melanoma.Ingestion.Benchmarks;

/// <summary>Processor time in seconds of whoever shares the machine in a run. It says where the time goes, and other work on the machine disturbs it less than a rate.</summary>
internal readonly record struct CpuTime(double Bench, double Service, double Postgres)
{
    public static CpuTime operator -(CpuTime end, CpuTime begin) => new(end.Bench - begin.Bench, end.Service - begin.Service, end.Postgres - begin.Postgres);

    /// <summary>What was used until now by this process, by a service, and by the PostgreSQL that a connection leads to; 0 for one on another machine.</summary>
    public static async Task<CpuTime> NowAsync(int? service, string connectionString) =>
        new(Environment.CpuUsage.TotalTime.TotalSeconds, service is { } id ? ProcessorTime.Of(id) : 0, await ProcessorTime.OfPostgresAsync(connectionString));
}
