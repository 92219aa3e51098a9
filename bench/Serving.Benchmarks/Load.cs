using System.Diagnostics;

namespace Melanoma.Serving.Benchmarks;

/// <summary>Asks a side, and counts what comes back in a window of time.</summary>
internal sealed class Load(Side side, Pictures pictures, TimeSpan length)
{
    private const int Seed = 20_240_229;

    private static readonly TimeSpan Ramp = TimeSpan.FromMilliseconds(400);

    /// <summary>So many callers, each with one question at a time. Who is refused waits as long as it is told to.</summary>
    public async Task<PointFigures> ClosedAsync(int callers)
    {
        using var stop = new CancellationTokenSource();
        var tally = new Tally();
        var running = Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                if ((await AskAsync(tally, caller, Stopwatch.GetTimestamp())).RetryAfter is { } pause)
                    await Task.Delay(pause, stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        })).ToArray();
        var figures = await CountAsync(tally, $"{callers} callers");
        await stop.CancelAsync();
        await Task.WhenAll(running);
        return figures;
    }

    /// <summary>Questions that come when they come, whatever became of those before them; latencies begin when one was due.</summary>
    /// <param name="rate">Questions a second on average.</param>
    public async Task<PointFigures> OpenAsync(double rate, string name)
    {
        var tally = new Tally();
        var asked = new List<Task>();
        var stopped = false;
        var arrivals = new Thread(() =>
        {
            var random = new Random(Seed);
            var begin = Stopwatch.GetTimestamp();
            for (var (due, number) = (0.0, 0L); !Volatile.Read(ref stopped); number++)
            {
                due += -Math.Log(1 - random.NextDouble()) / rate;
                var dueAt = begin + (long)(due * Stopwatch.Frequency);
                if (dueAt - Stopwatch.GetTimestamp() is > 0 and var wait)
                    Thread.Sleep((int)Math.Ceiling(wait * 1000.0 / Stopwatch.Frequency));
                var caller = number;
                asked.Add(Task.Run(() => AskAsync(tally, caller, dueAt)));
            }
        });
        arrivals.Start();
        var figures = await CountAsync(tally, name);
        Volatile.Write(ref stopped, true);
        arrivals.Join();
        await Task.WhenAll(asked);
        return figures;
    }

    private async Task<PointFigures> CountAsync(Tally tally, string name)
    {
        await Task.Delay(Ramp);
        var allocated = await side.AllocatedBytesAsync();
        var cpu = await side.CpuSecondsAsync();
        var watch = Stopwatch.StartNew();
        tally.Begin();
        await Task.Delay(length);
        var (answered, refused, leastRetry) = tally.End();
        var seconds = watch.Elapsed.TotalSeconds;
        var figures = PointFigures.Of(name, answered, refused, seconds, await side.CpuSecondsAsync() - cpu) with { LeastRetryMs = leastRetry };
        return figures with { AllocatedBytes = (await side.AllocatedBytesAsync() - allocated) / (double)answered.Length };
    }

    private async Task<Answer> AskAsync(Tally tally, long caller, long begin)
    {
        var answer = await side.AskAsync(caller, pictures.Next());
        tally.Add(answer, Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
        return answer;
    }

    private sealed class Tally
    {
        private readonly Lock _lock = new();
        private readonly List<double> _answered = [];
        private readonly List<double> _refused = [];
        private double? _leastRetry;
        private bool _counting;

        public void Begin()
        {
            lock (_lock)
                _counting = true;
        }

        /// <summary>A refusal without a delay counts as a delay of 0.</summary>
        public (double[] Answered, double[] Refused, double? LeastRetryMs) End()
        {
            lock (_lock)
            {
                _counting = false;
                return ([.. _answered], [.. _refused], _leastRetry);
            }
        }

        public void Add(Answer answer, double milliseconds)
        {
            lock (_lock)
            {
                if (!_counting)
                    return;
                (answer.IsAnswered ? _answered : _refused).Add(milliseconds);
                if (!answer.IsAnswered)
                    _leastRetry = Math.Min(_leastRetry ?? double.MaxValue, answer.RetryAfter?.TotalMilliseconds ?? 0);
            }
        }
    }
}
