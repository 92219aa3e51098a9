using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Samples;
using Melanoma.Storage;
using Melanoma.Testing;

namespace Melanoma.IntegrationTests.Ingestion;

public sealed class DropFolderTests(TestServers servers) : IDisposable
{
    private static readonly string[] NoFiles = ["dangling.jpg", "link.jpg", "linked folder", "pipe.jpg", "socket.jpg"];

    private static readonly (string Name, string Value)[] Fast = [("Ingestion__DropFolder__QuietSeconds", "1"), ("Ingestion__DropFolder__SweepSeconds", "1")];

    private static readonly string[] Folders = ["", "Train/nevus/", "Test/melanoma/", "deep/er/and deeper/"];

    private static readonly string[] NotYet = [".hidden.jpg", "growing.jpg", "unfinished.jpg.part"];

    private readonly string _folder = Directory.CreateTempSubdirectory("melanoma-drop-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Should_take_complete_files_and_leave_the_others_when_both_are_dropped()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await StartAsync(cancellation, ("Ingestion__DropFolder__QuietSeconds", "600"));
        var (nevus, grown) = (HostileFiles.Picture(1), SyntheticLesions.DrawJpeg(2, 2, 240));
        Drop("Train/nevus/ISIC_0000001.jpg", nevus);
        Drop("Train/nevus/ISIC_0000001 again.jpg", nevus);
        Drop("note.jpg", "no picture"u8.ToArray());
        Drop("labels.csv", "isic_id,diagnosis\nISIC_0000009,melanoma\n"u8.ToArray());
        Drop("pack.zip", HostileFiles.Zip(("ISIC_0000009.jpg", HostileFiles.Picture(3)), ("bad.jpg", [1, 2, 3])));
        Drop("pack.tar", HostileFiles.Tar(HostileFiles.TarFile("bad.jpg", [1, 2, 3])));
        Drop("unfinished.jpg.part", HostileFiles.Picture(4));
        Drop(".hidden.jpg", HostileFiles.Picture(4));

        await using (var growing = File.Create(Path.Combine(_folder, "growing.jpg")))
        {
            // One byte at a time until everything else is done with: it must never count as complete.
            var at = 0;
            await IngestionHost.WaitAsync(async () =>
            {
                await growing.WriteAsync(grown.AsMemory(at++, 1), cancellation);
                await growing.FlushAsync(cancellation);
                return Left() is { Length: 12 } left && left.All(path => path.Contains('/', StringComparison.Ordinal) || NotYet.Contains(path));
            }, cancellation);
            Assert.True(File.Exists(Path.Combine(_folder, "growing.jpg")));
            await growing.WriteAsync(grown.AsMemory(at), cancellation);
        }

        // Whole now, under another name until it has its old time: the clock is not waited for.
        Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation));
        File.Move(Path.Combine(_folder, "growing.jpg"), Path.Combine(_folder, "growing.jpg.tmp"));
        File.SetLastWriteTimeUtc(Path.Combine(_folder, "growing.jpg.tmp"), DateTime.UtcNow.AddHours(-1));
        File.Move(Path.Combine(_folder, "growing.jpg.tmp"), Path.Combine(_folder, "growing.jpg"));
        await IngestionHost.WaitAsync(() => Task.FromResult(File.Exists(Path.Combine(_folder, "accepted/growing.jpg"))), cancellation);

        Assert.Equal(
        [
            ".hidden.jpg", "accepted/Train/nevus/ISIC_0000001 again.jpg", "accepted/Train/nevus/ISIC_0000001.jpg", "accepted/growing.jpg", "accepted/labels.csv",
            "accepted/pack.zip", "accepted/pack.zip.reason.txt", "refused/note.jpg", "refused/note.jpg.reason.txt", "refused/pack.tar", "refused/pack.tar.reason.txt",
            "unfinished.jpg.part",
        ], Left());
        Assert.Equal(grown, await File.ReadAllBytesAsync(Path.Combine(_folder, "accepted/growing.jpg"), cancellation));
        Assert.Contains("not a picture", await File.ReadAllTextAsync(Path.Combine(_folder, "refused/note.jpg.reason.txt"), cancellation), StringComparison.Ordinal);
        Assert.Equal(3, await host.QueryAsync<long>("SELECT count(*) FROM images JOIN image_contents ON image_id = id WHERE sha256(bytes) = sha256", cancellation));
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM images WHERE label = {DiagnosisSet.Of(Diagnosis.Nevus).Bits}", cancellation));
        Assert.Equal(1, await host.QueryAsync<long>($"SELECT count(*) FROM images WHERE label = {DiagnosisSet.Of(Diagnosis.Melanoma).Bits}", cancellation));
        await CheckReportsAsync(host, cancellation);

        // Renamed into place, it is complete at once; its name is taken already.
        Drop("waiting.part", HostileFiles.Picture(5));
        File.Move(Path.Combine(_folder, "waiting.part"), Path.Combine(_folder, "growing.jpg"));
        await IngestionHost.WaitAsync(() => Task.FromResult(File.Exists(Path.Combine(_folder, "accepted/growing (2).jpg"))), cancellation);
    }

    [Fact]
    public async Task Should_refuse_with_a_reason_when_what_is_dropped_is_no_file()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var outside = Directory.CreateTempSubdirectory("melanoma-outside-").FullName;
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(outside, "secret.jpg"), HostileFiles.Picture(1), cancellation);
            File.CreateSymbolicLink(Path.Combine(_folder, "link.jpg"), Path.Combine(outside, "secret.jpg"));
            File.CreateSymbolicLink(Path.Combine(_folder, "dangling.jpg"), Path.Combine(outside, "nothing.jpg"));
            Directory.CreateSymbolicLink(Path.Combine(_folder, "linked folder"), outside);
            using (var mkfifo = Process.Start("mkfifo", [Path.Combine(_folder, "pipe.jpg")]))
                await mkfifo.WaitForExitAsync(cancellation);
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder, "socket.jpg")));
            Drop("good.jpg", HostileFiles.Picture(2));
            await using var host = await StartAsync(cancellation);

            await IngestionHost.WaitAsync(() => Task.FromResult(Left() is { Length: 11 } left && left.All(path => path.Contains('/', StringComparison.Ordinal))), cancellation);

            Assert.Equal(
                NoFiles.SelectMany(name => new[] { $"refused/{name}", $"refused/{name}.reason.txt" })
                    .Prepend("accepted/good.jpg").Order(StringComparer.Ordinal), Left());
            var delivery = Assert.Single((await host.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest(), cancellationToken: cancellation)).Deliveries);
            Assert.Equal(("drop folder", 6, 1, 5), (delivery.Name, delivery.Files, delivery.Stored, delivery.Refused));
            Assert.Equal([("link", 3), ("not-a-file", 2)], delivery.Refusals.Select(row => (row.Reason, row.Count)));
            Assert.True(File.Exists(Path.Combine(outside, "secret.jpg")));
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Fact]
    public async Task Should_refuse_every_link_and_take_its_neighbours_when_links_lead_anywhere()
    {
        const int Count = 60;
        var cancellation = TestContext.Current.CancellationToken;
        var random = new Random(7);
        var outside = Directory.CreateTempSubdirectory("melanoma-outside-").FullName;
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(outside, "secret.jpg"), HostileFiles.Picture(10_000), cancellation);
            var (files, links) = (new List<string>(), new Dictionary<string, string>());
            for (var i = 0; i < Count; i++)
            {
                files.Add($"{random.Pick(Folders)}{i}.jpg");
                Drop(files[^1], HostileFiles.Picture(i));
            }

            for (var i = 0; i < Count; i++)
            {
                var name = $"{random.Pick(Folders)}link {i}{random.Pick([".jpg", ".zip", ".csv", ""])}";
                links.Add(name, Aim(i, name));
            }

            foreach (var (name, target) in links)
                File.CreateSymbolicLink(Path.Combine(_folder, name), target);
            File.CreateSymbolicLink(Path.Combine(_folder, "not yet.jpg.part"), Path.Combine(outside, "secret.jpg"));
            await using var host = await StartAsync(cancellation);

            string[] expected =
            [
                .. files.Select(file => $"accepted/{file}"), .. links.Keys.Select(link => $"refused/{link}"), .. links.Keys.Select(link => $"refused/{link}.reason.txt"),
                "not yet.jpg.part",
            ];
            await IngestionHost.WaitAsync(() => Task.FromResult(Left().Length == expected.Length && Exists("accepted/" + files[^1]) && !Left().Any(links.ContainsKey)), cancellation);

            Assert.Equal(expected.Order(StringComparer.Ordinal), Left());
            Assert.All(files, (file, number) => Assert.Equal(HostileFiles.Picture(number), File.ReadAllBytes(Path.Combine(_folder, "accepted", file))));
            Assert.All(links, link =>
            {
                Assert.Equal(link.Value, new FileInfo(Path.Combine(_folder, "refused", link.Key)).LinkTarget);
                Assert.Equal($"{link.Key}: This is a link. Put the file that it points to here.\n", File.ReadAllText(Path.Combine(_folder, "refused", $"{link.Key}.reason.txt")));
            });
            Assert.Equal(Count, await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation));
            Assert.Equal(Count, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE outcome = 'stored'", cancellation));
            Assert.Equal(Count, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE refusal_kind = 'link'", cancellation));
            Assert.Equal(2 * Count, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files", cancellation));
            Assert.Equal(["secret.jpg"], Directory.EnumerateFileSystemEntries(outside).Select(Path.GetFileName));
            await CheckReportsAsync(host, cancellation);

            // Every kind comes several times, whatever the seed: files and folders in and outside, what is not there, what has no end, loops.
            string Aim(int i, string name) => (i % 12) switch
            {
                0 => Path.Combine(_folder, files[i]),
                1 => Path.GetRelativePath(Path.GetDirectoryName(Path.Combine(_folder, name))!, Path.Combine(_folder, files[i])),
                2 => Path.Combine(outside, "secret.jpg"),
                3 => Path.Combine(outside, "nothing.jpg"),
                4 => "nothing here.jpg",
                5 => outside,
                6 => _folder,
                7 => "..",
                8 => Path.Combine(_folder, "accepted"),
                9 => Path.Combine(_folder, name),
                10 => "/dev/zero",
                _ => Path.Combine(_folder, links.Keys.ElementAt(random.Next(links.Count))),
            };
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Fact]
    public Task Should_take_each_file_once_when_the_service_is_killed_three_times() => KillAsync(count: 300, seed: 3);

    [Fact]
    [Trait("form", "long")]
    public Task Should_take_each_file_once_when_the_service_is_killed_three_times_in_two_thousand_files() => KillAsync(count: 2000, seed: 4);

    /// <summary>Drops files in three parts and kills the service at a random point of each, while it makes events of other pictures.</summary>
    private async Task KillAsync(int count, int seed)
    {
        const int Times = 3;
        const int EventsAtMost = 200;
        var cancellation = TestContext.Current.CancellationToken;
        var random = new Random(seed);
        await using var host = await StartAsync(cancellation, ("Ingestion__Deliveries__BatchSize", "8"));
        await using var events = await ForgottenEvents.ReceiveAsync(host, cancellation);
        var earlier = await Kills.DeliverEarlierAsync(host, Times * EventsAtMost, cancellation);
        var forgotten = 0;
        for (var kill = 0; kill < Times; kill++)
        {
            var (first, end) = (count * kill / Times, count * (kill + 1) / Times);
            var enough = earlier.Length + first + random.Next(1, end - first);
            DropMany(first, end);
            var forgetting = Kills.ForgetOneByOneAsync(host, earlier[(EventsAtMost * kill)..(EventsAtMost * (kill + 1))], cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) >= enough, cancellation);
            await host.KillAndRestartAsync(cancellation);
            forgotten += await forgetting;
        }

        await IngestionHost.WaitAsync(() => Task.FromResult(Left().Count(path => path.StartsWith("accepted/", StringComparison.Ordinal)) == count), cancellation);
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state = 'receiving'", cancellation) == 0, cancellation);

        var interrupted = await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state = 'abandoned'", cancellation);
        TestContext.Current.TestOutputHelper?.WriteLine($"{interrupted} deliveries were interrupted; {forgotten} other pictures had been forgotten");
        Assert.InRange(interrupted, 1, Times);
        Assert.Equal(Enumerable.Range(0, count).Select(number => $"accepted/{PathOf(number)}").Order(StringComparer.Ordinal), Left());
        Assert.All(Enumerable.Range(0, count), number => Assert.Equal(HostileFiles.Picture(number), File.ReadAllBytes(Path.Combine(_folder, "accepted", PathOf(number)))));
        Assert.Equal(count, await host.QueryAsync<long>("SELECT count(DISTINCT path) FROM delivery_files WHERE path LIKE 'Train/%'", cancellation));
        Assert.Equal(
            Enumerable.Range(0, count).Select(number => $"{PathOf(number)} {Convert.ToHexStringLower(SHA256.HashData(HostileFiles.Picture(number)))}"),
            await host.QueryAsync<string[]>("""
                SELECT array_agg(path || ' ' || encode(sha256(bytes), 'hex') ORDER BY right(path, 16)) FROM delivery_files JOIN image_contents USING (image_id)
                WHERE outcome = 'stored' AND path LIKE 'Train/%'
                """, cancellation));
        await CheckReportsAsync(host, cancellation);
        await Kills.CheckNothingLostAsync(host, count + earlier.Length, forgotten, events, cancellation);
    }

    [Fact]
    public async Task Should_stop_in_the_middle_when_another_has_the_lock_and_go_on_when_it_is_free()
    {
        const int Count = 1500;
        var cancellation = TestContext.Current.CancellationToken;
        DropMany(Count);
        await using var host = await StartAsync(cancellation, ("Ingestion__Deliveries__BatchSize", "8"));
        await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation) > 20, cancellation);

        await using var another = await host.Database.OpenConnectionAsync(cancellation);
        var key = AdvisoryLocks.DropFolder(_folder);
        await using (var take = another.CreateCommand())
        {
            take.CommandText = $"SELECT pg_advisory_lock({key.ToString(CultureInfo.InvariantCulture)})";
            var taking = take.ExecuteNonQueryAsync(cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>(LocksOf(key, isGranted: false), cancellation) == 1, cancellation);
            Assert.Equal(1, await host.QueryAsync<long>(LocksOf(key, isGranted: true), cancellation));
            await taking;
        }

        await IngestionHost.WaitAsync(() => Task.FromResult(host.Log.Contains("another replica works", StringComparison.Ordinal)), cancellation);
        Assert.InRange(await host.QueryAsync<long>("SELECT count(*) FROM images", cancellation), 21, Count - 1);
        await using (var release = another.CreateCommand())
        {
            release.CommandText = "SELECT pg_advisory_unlock_all()";
            await release.ExecuteNonQueryAsync(cancellation);
        }

        await IngestionHost.WaitAsync(() => Task.FromResult(Left().Count(path => path.StartsWith("accepted/", StringComparison.Ordinal)) == Count), cancellation);
        await CheckManyAsync(host, Count, cancellation);
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state <> 'completed'", cancellation));

        // The waiting one is counted; the holder's session is ended and counted.
        static string LocksOf(long key, bool isGranted) => $"""
            SELECT count({(isGranted ? "pg_terminate_backend(pid)" : "*")}) FROM pg_locks
            WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (classid::bigint << 32 | objid::bigint) = {key.ToString(CultureInfo.InvariantCulture)} AND granted = {isGranted}
            """;
    }

    [Fact]
    public async Task Should_refuse_once_and_say_so_when_a_name_is_no_utf8()
    {
        var cancellation = TestContext.Current.CancellationToken;
        try
        {
            Drop("good.jpg", HostileFiles.Picture(1));
            await ShellAsync("""
                cp good.jpg "$(printf '\377').jpg"; mkdir -p "Train/n$(printf '\351')vus"; cp good.jpg "Train/n$(printf '\351')vus/in it.jpg"
                cp good.jpg "$(printf '\357\277\275') is a letter.jpg"
                """);
            await using var host = await StartAsync(cancellation);

            await IngestionHost.WaitAsync(() => Task.FromResult(SaidOf(host, "refused and stays") == 2 && Exists("accepted/\uFFFD is a letter.jpg")), cancellation);
            Drop("later.jpg", HostileFiles.Picture(2));
            await IngestionHost.WaitAsync(() => Task.FromResult(Exists("accepted/later.jpg")), cancellation);
            await IngestionHost.WaitAsync(async () => await host.QueryAsync<long>("SELECT count(*) FROM deliveries WHERE state <> 'completed'", cancellation) == 0, cancellation);

            Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE refusal_kind = 'bad-path'", cancellation));
            Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE outcome = 'refused'", cancellation));
            Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE outcome = 'stored'", cancellation));
            Assert.Equal(2, SaidOf(host, "refused and stays"));
            await CheckReportsAsync(host, cancellation);
        }
        finally
        {
            await ShellAsync("rm -rf ./*");
        }
    }

    [Fact]
    public async Task Should_refuse_once_and_say_so_when_a_folder_cannot_be_read()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "This user may read every folder.");
        var cancellation = TestContext.Current.CancellationToken;
        Drop("good.jpg", HostileFiles.Picture(1));
        Drop("closed/a.jpg", HostileFiles.Picture(2));
        Drop("no way in/b.jpg", HostileFiles.Picture(3));
        try
        {
            await ShellAsync("chmod 000 closed; chmod 444 'no way in'");
            await using var host = await StartAsync(cancellation);

            await IngestionHost.WaitAsync(() => Task.FromResult(SaidOf(host, "refused and stays") == 2 && Exists("accepted/good.jpg")), cancellation);
            Drop("later.jpg", HostileFiles.Picture(4));
            await IngestionHost.WaitAsync(() => Task.FromResult(Exists("accepted/later.jpg")), cancellation);

            Assert.Equal(2, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE refusal_kind = 'unreadable'", cancellation));
            Assert.Equal(2, SaidOf(host, "refused and stays"));

            // With the right to read them they are taken.
            await ShellAsync("chmod 755 closed 'no way in'");
            await IngestionHost.WaitAsync(() => Task.FromResult(Exists("accepted/closed/a.jpg") && Exists("accepted/no way in/b.jpg")), cancellation);
        }
        finally
        {
            await ShellAsync("chmod -f 755 closed 'no way in' || true");
        }
    }

    [Fact]
    public async Task Should_take_each_file_once_when_two_services_have_the_same_folder()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var host = await StartAsync(cancellation, ("Ingestion__Deliveries__BatchSize", "8"));
        await using var another = await host.StartAnotherAsync(cancellation);
        DropMany(200);

        await IngestionHost.WaitAsync(() => Task.FromResult(Left().Count(path => path.StartsWith("accepted/", StringComparison.Ordinal)) == 200), cancellation);

        await CheckManyAsync(host, 200, cancellation);
        Assert.Equal(0, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE outcome <> 'stored'", cancellation));
        Assert.Contains("another replica works", another.Log, StringComparison.Ordinal);

        // Emptied folders go.
        await IngestionHost.WaitAsync(() => Task.FromResult(!Directory.Exists(Path.Combine(_folder, "Train"))), cancellation);

        // Whoever is left takes over.
        await host.KillAndRestartAsync(cancellation);
        Drop("later.jpg", HostileFiles.Picture(1000));
        await IngestionHost.WaitAsync(() => Task.FromResult(File.Exists(Path.Combine(_folder, "accepted/later.jpg"))), cancellation);
    }

    [Theory]
    [InlineData("Ingestion__DropFolder")]
    [InlineData("Ingestion__DropFolder__Path")]
    public async Task Should_stay_ready_and_go_on_when_the_folder_comes_later(string setting)
    {
        var cancellation = TestContext.Current.CancellationToken;
        Directory.Delete(_folder);
        await using var host = await IngestionHost.StartAsync(servers, cancellation, [(setting, _folder), .. Fast]);
        await IngestionHost.WaitAsync(() => Task.FromResult(host.Log.Contains("does not exist", StringComparison.Ordinal)), cancellation);

        Directory.CreateDirectory(_folder);
        Drop("a.jpg", HostileFiles.Picture(1));

        await IngestionHost.WaitAsync(() => Task.FromResult(File.Exists(Path.Combine(_folder, "accepted/a.jpg"))), cancellation);
        Assert.Equal(1, host.Log.Split("does not exist").Length - 1);
    }

    private Task<IngestionHost> StartAsync(CancellationToken cancellationToken, params (string, string)[] more) => IngestionHost.StartAsync(servers, cancellationToken,
        [("Ingestion__DropFolder__Path", _folder), .. Fast, .. more]);

    private bool Exists(string path) => File.Exists(Path.Combine(_folder, path));

    private static int SaidOf(IngestionHost host, string words) => host.Log.Split(words).Length - 1;

    /// <summary>Does in the folder what the framework cannot.</summary>
    private async Task ShellAsync(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-ec", script]) { WorkingDirectory = _folder })!;
        await shell.WaitForExitAsync(CancellationToken.None);
        Assert.Equal(0, shell.ExitCode);
    }

    /// <summary>Puts a file there as a careful copier does: under another name first, and with its old time.</summary>
    private void Drop(string path, byte[] bytes)
    {
        var full = Path.Combine(_folder, path);
        var partial = Path.Combine(_folder, ".partial");
        File.WriteAllBytes(partial, bytes);
        File.SetLastWriteTimeUtc(partial, DateTime.UtcNow.AddHours(-1));
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.Move(partial, full);
    }

    private void DropMany(int count) => DropMany(0, count);

    private void DropMany(int first, int end)
    {
        for (var i = first; i < end; i++)
            Drop(PathOf(i), HostileFiles.Picture(i));
    }

    private static string PathOf(int number) => $"Train/{Diagnoses.Names[number % 9]}/ISIC_{number:0000000}.jpg";

    private string[] Left()
    {
        while (true)
        {
            try
            {
                return [.. Entries(_folder).Select(path => Path.GetRelativePath(_folder, path)).Order(StringComparer.Ordinal)];
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                // The service removed a folder in between: look again.
            }
        }
    }

    private static IEnumerable<string> Entries(string folder) => Directory.EnumerateFileSystemEntries(folder)
        .SelectMany(path => File.GetAttributes(path).HasFlag(FileAttributes.Directory) && !File.GetAttributes(path).HasFlag(FileAttributes.ReparsePoint) ? Entries(path) : [path]);

    private static async Task CheckManyAsync(IngestionHost host, int count, CancellationToken cancellationToken)
    {
        Assert.Equal(count, await host.QueryAsync<long>("SELECT count(*) FROM images JOIN image_contents ON image_id = id WHERE sha256(bytes) = sha256", cancellationToken));
        Assert.Equal(count, await host.QueryAsync<long>("SELECT count(DISTINCT path) FROM delivery_files", cancellationToken));
        Assert.Equal(count, await host.QueryAsync<long>("SELECT count(*) FROM delivery_files WHERE outcome = 'stored'", cancellationToken));
        await CheckReportsAsync(host, cancellationToken);
    }

    private static async Task CheckReportsAsync(IngestionHost host, CancellationToken cancellationToken)
    {
        var deliveries = await host.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest(), cancellationToken: cancellationToken);
        Assert.Contains(deliveries.Deliveries, delivery => delivery.Name == "drop folder");
        Assert.All(deliveries.Deliveries, delivery => Assert.Equal(delivery.Files, delivery.Stored + delivery.Duplicates + delivery.Refused + delivery.Metadata + delivery.Waiting));
        Assert.DoesNotContain("fail: Melanoma", host.Log, StringComparison.Ordinal);
    }
}
