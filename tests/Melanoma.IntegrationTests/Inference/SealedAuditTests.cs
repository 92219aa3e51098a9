using System.Diagnostics;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Testing;
using Kind = Melanoma.Contracts.V1.AuditDefectKind;

namespace Melanoma.IntegrationTests.Inference;

public sealed class SealedAuditTests(SealedAuditTests.OneService service) : IClassFixture<SealedAuditTests.OneService>
{
    public sealed class OneService(TestServers servers) : SharedStand(servers)
    {
        public override async ValueTask InitializeAsync()
        {
            await base.InitializeAsync();
            await Stand.RegisterAndPromoteAsync(TestModel.ByColour(Diagnosis.Melanoma, Diagnosis.Nevus, Diagnosis.VascularLesion));
            for (var number = 0; number < Rows; number++)
            {
                var request = InferenceStand.Request(InferenceStand.Picture(220, 60, 60, number, size: number % 2 == 0 ? 40 : 200));
                request.CaseReference = number == 3 ? "=1+2, \"case\"" : "";
                await Stand.Classifier.ClassifyAsync(request, InferenceStand.Caller(number % 2 == 0 ? "north" : "south"), cancellationToken: Cancellation);
            }

            await Stand.EventuallyAsync(() => VerifyAsync(Stand), verdict => verdict.UnsealedRows == 0);
        }
    }

    private const int Rows = 12;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // What somebody does who owns the database and knows how to switch the triggers off, and how it is undone.
    [Theory]
    [InlineData(Kind.RowChanged, 5, "UPDATE predictions SET probabilities[4] = probabilities[4] + 1e-12 WHERE id = (SELECT prediction_id FROM prediction_seals WHERE position = 5)")]
    [InlineData(Kind.RowChanged, 6, "UPDATE predictions SET time = time + interval '1 microsecond' WHERE id = (SELECT prediction_id FROM prediction_seals WHERE position = 6)")]
    [InlineData(Kind.RowMissing, 7, "DELETE FROM predictions WHERE id = (SELECT prediction_id FROM prediction_seals WHERE position = 7)")]
    [InlineData(Kind.SealMissing, 8, "DELETE FROM prediction_seals WHERE position = 8")]
    [InlineData(Kind.HashWrong, 9, "UPDATE prediction_seals SET hash = sha256(hash) WHERE position = 9")]
    [InlineData(Kind.HashWrong, Rows, "UPDATE predictions SET caller = 'nobody' WHERE id = (SELECT prediction_id FROM prediction_seals WHERE position = 12)")]
    [InlineData(Kind.SequenceWrong, 1, "UPDATE prediction_seals SET tenant = 'east' WHERE position = 1")]
    [InlineData(Kind.SealMissing, 0, "DELETE FROM prediction_seals WHERE position = 12")]
    [InlineData(Kind.SealMissing, 0, "INSERT INTO predictions SELECT (json_populate_record(p, '{\"id\": \"00000000-0000-7000-8000-000000000000\"}')).* FROM predictions p LIMIT 1")]
    public async Task Should_name_the_position_when_somebody_tampers(Kind kind, long position, string tampering)
    {
        var stand = service.Stand;
        Assert.True((await VerifyAsync(stand)).Intact);
        await stand.ExecuteAsync($"""
            SET session_replication_role = replica;
            CREATE TABLE rows_kept AS TABLE predictions;
            CREATE TABLE seals_kept AS TABLE prediction_seals;
            {tampering};
            SET session_replication_role = DEFAULT
            """);
        var verdict = await VerifyAsync(stand);
        await stand.ExecuteAsync("""
            SET session_replication_role = replica;
            DELETE FROM predictions; INSERT INTO predictions SELECT * FROM rows_kept; DROP TABLE rows_kept;
            DELETE FROM prediction_seals; INSERT INTO prediction_seals SELECT * FROM seals_kept; DROP TABLE seals_kept;
            SET session_replication_role = DEFAULT
            """);

        Assert.False(verdict.Intact);
        Assert.Equal((kind, position), (verdict.Defects[0].Kind, verdict.Defects[0].Position));
        Assert.True((await VerifyAsync(stand)).Intact);
    }

    [Fact]
    public async Task Should_find_that_the_end_was_cut_off_or_computed_anew_when_a_hash_was_noted()
    {
        var stand = service.Stand;
        var whole = await VerifyAsync(stand);

        async Task<AuditVerdict> CompareAsync(long position, string hash) =>
            await VerifyAsync(stand, new VerifyAuditRequest { NotedPosition = position, NotedHash = hash });

        Assert.Equal((1L, (long)Rows, 0L), (whole.FirstPosition, whole.LastPosition, whole.UnsealedRows));
        Assert.True((await CompareAsync(Rows, whole.LastHash)).Intact);
        Assert.Equal(Kind.NotAsNoted, Assert.Single((await CompareAsync(Rows + 1, whole.LastHash)).Defects).Kind);
        Assert.Equal(Kind.NotAsNoted, Assert.Single((await CompareAsync(Rows - 1, whole.LastHash)).Defects).Kind);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => CompareAsync(Rows, "no hash"))).StatusCode);
    }

    [Fact]
    public async Task Should_have_every_row_of_a_time_and_a_tenant_when_the_audit_is_exported()
    {
        var stand = service.Stand;
        var all = await ExportAsync(stand, new ExportAuditRequest());
        var time = all[6].Prediction.Time;

        Assert.Equal(Enumerable.Range(1, Rows).Select(number => (long)number), all.Select(row => row.Position));
        Assert.Equal(all.Where(row => row.Tenant == "south"), await ExportAsync(stand, new ExportAuditRequest { Tenant = "south" }));
        Assert.Equal(all[6..], await ExportAsync(stand, new ExportAuditRequest { From = time }));
        Assert.Equal(all[..6], await ExportAsync(stand, new ExportAuditRequest { To = time }));
        Assert.Equal(
            StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => ExportAsync(stand, new ExportAuditRequest { From = time, To = time - Duration.FromTimeSpan(TimeSpan.FromTicks(10)) }))).StatusCode);
    }

    [Fact]
    public async Task Should_verify_and_export_to_files_when_it_is_asked_by_command()
    {
        var (gateway, environment) = await service.Stand.StartGatewayAsync("ops");
        await using var running = gateway;
        var folder = Directory.CreateTempSubdirectory("melanoma-test-");
        string table = Path.Combine(folder.FullName, "audit.csv"), lines = Path.Combine(folder.FullName, "audit.jsonl");

        var verdict = JsonDocument.Parse(await ServiceProcess.RunAsync("Melanoma.Cli", environment, ["audit", "verify", "--json"], Cancellation)).RootElement;
        await ServiceProcess.RunAsync("Melanoma.Cli", environment, ["audit", "export", table], Cancellation);
        await ServiceProcess.RunAsync("Melanoma.Cli", environment, ["audit", "export", "--format", "jsonl", "--tenant", "south", "--from", "2020-01-01", lines], Cancellation);

        Assert.Equal((true, Rows), (verdict.GetProperty("intact").GetBoolean(), verdict.GetProperty("rows").GetInt32()));
        var text = await File.ReadAllLinesAsync(table, Cancellation);
        Assert.Equal(Rows + 1, text.Length);
        Assert.Contains("\"'=1+2, \"\"case\"\"\"", text[4], StringComparison.Ordinal);
        var rows = (await File.ReadAllLinesAsync(lines, Cancellation)).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(Enumerable.Range(1, Rows / 2), rows.Select(row => row.GetProperty("sequence").GetInt32()));
        Assert.Equal(2, folder.GetFiles().Length);
        folder.Delete(recursive: true);

        var known = JsonDocument.Parse(await ServiceProcess.RunAsync("Melanoma.Cli", environment, ["audit", "verify", "--json"], Cancellation)).RootElement.GetProperty("lastHash").GetString()!;
        var broken = await Assert.ThrowsAsync<InvalidOperationException>(() => ServiceProcess.RunAsync(
            "Melanoma.Cli", environment, ["audit", "verify", "--json", "--noted-position", "1", "--noted-hash", known], Cancellation));
        Assert.Contains("ended with 1", broken.Message, StringComparison.Ordinal);
        Assert.Contains("NotAsNoted", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_be_found_whole_by_the_program_of_the_document_when_it_was_exported()
    {
        var lines = Path.Combine(Path.GetTempPath(), $"melanoma-audit-{Guid.NewGuid():N}.jsonl");
        var (gateway, environment) = await service.Stand.StartGatewayAsync("ops");
        await using var running = gateway;
        await ServiceProcess.RunAsync("Melanoma.Cli", environment, ["audit", "export", "--format", "jsonl", lines], Cancellation);
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "audit.md"), Cancellation);
        var program = document.Split("```python")[1].Split("```")[0];
        var start = new ProcessStartInfo("python3", ["-c", program, lines]) { RedirectStandardOutput = true, RedirectStandardError = true };

        async Task<(int ExitCode, string Output)> RunAsync()
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync(Cancellation);
            var output = await process.StandardOutput.ReadToEndAsync(Cancellation) + await errors;
            await process.WaitForExitAsync(Cancellation);
            return (process.ExitCode, output);
        }

        var whole = await RunAsync();
        var changed = (await File.ReadAllTextAsync(lines, Cancellation)).Replace("\"sequence\":3,", "\"sequence\":4,", StringComparison.Ordinal);
        await File.WriteAllTextAsync(lines, changed, Cancellation);
        var broken = await RunAsync();
        File.Delete(lines);

        Assert.Equal((0, $"{Rows} rows are whole, the last hash is {(await VerifyAsync(service.Stand)).LastHash}\n"), whole);
        Assert.Equal((1, "position 5 is broken\n"), broken);
    }

    internal static async Task<AuditVerdict> VerifyAsync(InferenceStand stand, VerifyAuditRequest? request = null)
    {
        using var call = stand.Audit.VerifyAudit(request ?? new VerifyAuditRequest(), cancellationToken: Cancellation);
        return (await call.ResponseStream.ReadAllAsync(Cancellation).LastAsync(Cancellation)).Verdict;
    }

    private static async Task<List<AuditRow>> ExportAsync(InferenceStand stand, ExportAuditRequest request)
    {
        using var call = stand.Audit.ExportAudit(request, cancellationToken: Cancellation);
        return await call.ResponseStream.ReadAllAsync(Cancellation).SelectMany(part => part.Rows).ToListAsync(Cancellation);
    }
}
