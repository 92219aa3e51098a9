using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Cli.Output;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma audit export</c>: audit rows as a table or as JSON lines.</summary>
internal static class AuditExportCommand
{
    private static readonly Argument<string> FileName = new("FILE") { Description = "Where to write it; a file that is there is replaced once the new one is whole." };

    private static readonly Option<string> Format = new Option<string>("--format")
    {
        Description = "csv: a table that a spreadsheet may open. jsonl: one JSON document a line, with all that the hashes cover.",
        DefaultValueFactory = _ => "csv",
    }.AcceptOnlyFromAmong("csv", "jsonl");

    private static readonly Option<DateTimeOffset?> From = Time("--from", "Answers of this time or later, for example 2027-01-31 or 2027-01-31T12:00:00Z; UTC where no zone is named.");
    private static readonly Option<DateTimeOffset?> To = Time("--to", "Answers of before this time.");
    private static readonly Option<string?> Tenant = new("--tenant") { Description = "Answers to this tenant; to all when not given.", HelpName = "T" };

    public static Command Create() =>
        new Command("export", "Write the sealed rows of the audit to a file.") { FileName, Format, From, To, Tenant }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var path = context.Arguments.GetRequiredValue(FileName);
        var request = new ExportAuditRequest { From = context.Arguments.GetValue(From)?.ToTimestamp(), To = context.Arguments.GetValue(To)?.ToTimestamp() };
        if (context.Arguments.GetValue(Tenant) is { } tenant)
            request.Tenant = tenant;
        var asTable = context.Arguments.GetRequiredValue(Format) == "csv";
        var gateway = await context.ConnectAsync(cancellationToken);
        var rows = await context.Terminal.ProgressAsync(ProgressColumns.ForItems("rows"), async progress =>
        {
            var bar = progress.AddTask("Exporting");
            bar.IsIndeterminate = true;
            await using var file = new DownloadFile(path);
            using var call = gateway.Audit.ExportAudit(request, cancellationToken: cancellationToken);
            var text = new StringBuilder();
            var count = 0L;
            if (asTable)
                AuditTable.AppendHeader(text);
            await foreach (var part in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                foreach (var row in part.Rows)
                {
                    if (asTable)
                        AuditTable.Append(text, row);
                    else
                        text.Append(JsonSerializer.Serialize(AuditRowDocument.From(row), JsonSerializerOptions.Web)).Append('\n');
                }

                count += part.Rows.Count;
                bar.Increment(part.Rows.Count);
                await FlushAsync();
            }

            await FlushAsync();
            await file.FinishAsync();
            bar.StopTask();
            return count;

            async Task FlushAsync()
            {
                await file.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), cancellationToken);
                text.Clear();
            }
        });
        context.Terminal.Write(new AuditExportDocument(path, rows), console => console.WriteLine(FormattableString.Invariant($"{rows:N0} rows are in {path}.")));
        return ExitCodes.Success;
    }

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (DateTimeOffset.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                return time;
            result.AddError($"{name} is no time that can be read; write it like 2027-01-31T12:00:00Z.");
            return null;
        },
    };
}

/// <summary>Audit rows as lines of a table.</summary>
internal static class AuditTable
{
    public static void AppendHeader(StringBuilder text) => CsvLine.Append(
        text,
        [
            "position", "tenant", "sequence", "prediction_id", "time", "caller", "case_reference", "model_version", "execution_provider", "image_sha256", "diagnosis", "decision", "reasons",
            .. Diagnoses.Names.Select(name => $"probability {name}"), "latency_ms", "form", "hash",
        ]);

    public static void Append(StringBuilder text, AuditRow row)
    {
        var document = AuditRowDocument.From(row);
        CsvLine.Append(
            text,
            [
                Number(document.Position), document.Tenant, Number(document.Sequence), document.PredictionId, document.Time, document.Caller, document.CaseReference,
                Number(document.ModelVersion), document.ExecutionProvider, document.ImageSha256, document.Diagnosis, document.Decision, string.Join(' ', document.Reasons),
                .. document.Probabilities.Select(probability => Number(probability)), Number(document.LatencyMs), Number(document.Form), document.Hash,
            ]);
    }

    // The shortest text that gives the same number again.
    private static string Number(IFormattable number) => number.ToString(format: null, CultureInfo.InvariantCulture);
}

/// <summary>
/// One audit row with all that its hash covers: the time to the microsecond in UTC, numbers so that reading them gives the same bits, diagnoses by name and, as the hash has them, by
/// index; the decision is missing in answers of before there were decisions.
/// </summary>
internal sealed record AuditRowDocument(
    long Position, string Tenant, long Sequence, string PredictionId, string Time, string Caller, string? CaseReference, int ModelVersion, string ExecutionProvider, string ImageSha256,
    string Diagnosis, int DiagnosisIndex, string? Decision, int? DecisionNumber, IReadOnlyList<string> Reasons, IReadOnlyList<double> Probabilities, double LatencyMs, int Form, string Hash)
{
    public static AuditRowDocument From(AuditRow row)
    {
        var prediction = row.Prediction;
        var decided = prediction.Decision != Contracts.V1.Decision.Unspecified;
        return new AuditRowDocument(
            row.Position,
            row.Tenant,
            prediction.Sequence,
            prediction.PredictionId,
            prediction.Time.ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            prediction.Caller,
            prediction.HasCaseReference ? prediction.CaseReference : null,
            int.Parse(prediction.ModelVersion, CultureInfo.InvariantCulture),
            prediction.ExecutionProvider,
            prediction.ImageSha256,
            prediction.Diagnosis,
            Diagnoses.Names.IndexOf(prediction.Diagnosis),
            decided ? prediction.Decision.ToString() : null,
            decided ? (int)prediction.Decision : null,
            [.. prediction.Reasons],
            [.. prediction.Probabilities.Select(probability => probability.Probability)],
            prediction.LatencyMs,
            row.Form,
            row.Hash);
    }
}

/// <summary>What was written where.</summary>
internal sealed record AuditExportDocument(string File, long Rows);
