using System.Diagnostics;
using System.Globalization;
using Melanoma.Imaging.Benchmarks;

// Images per CPU-second of this process (all its threads), because the machines this runs on are shared. Usage: [seconds per figure, default 3] [side, default 224].
var seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 3;
var side = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 224;
(int Width, int Height)[] sizes = [(180, 180), (600, 450), (3000, 2000)];
var files = sizes.Select(size => Samples.Jpegs(size.Width, size.Height)).ToArray();

Console.WriteLine($"| JPEG to {side} x {side}, images per CPU-second | {string.Join(" | ", sizes.Select(s => $"{s.Width}x{s.Height}"))} |");
Console.WriteLine($"| --- |{string.Concat(sizes.Select(_ => " --- |"))}");
foreach (var (name, run) in Candidates.All(side))
{
    Console.Write($"| {name} |");
    foreach (var set in files)
        Console.Write(Rate(run, set, seconds));
    Console.WriteLine();
}

static string Rate(Action<byte[]> run, byte[][] files, double seconds)
{
    try
    {
        foreach (var file in files)
            run(file);
    }
    catch (Exception problem) when (problem is DllNotFoundException or TypeInitializationException)
    {
        return " does not load |";
    }

    using var process = Process.GetCurrentProcess();
    process.Refresh();
    var before = process.TotalProcessorTime;
    var count = 0;
    for (var watch = Stopwatch.StartNew(); watch.Elapsed.TotalSeconds < seconds; count++)
        run(files[count % files.Length]);
    process.Refresh();
    return string.Create(CultureInfo.InvariantCulture, $" {count / (process.TotalProcessorTime - before).TotalSeconds:0} |");
}
