using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Predictions;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Inference.Audit;

/// <summary>The audit of all tenants: whether it is whole, and as rows to take away.</summary>
internal sealed class AuditService(IDbContextFactory<MelanomaDbContext> databases, AuditVerifier verifier, TimeProvider time) : Contracts.V1.Audit.AuditBase
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);

    /// <summary>Shorter than the time after which the Gateway gives a silent call up.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    public override async Task VerifyAudit(VerifyAuditRequest request, IServerStreamWriter<VerifyAuditResponse> responseStream, ServerCallContext context)
    {
        var noted = Noted(request);
        var told = time.GetTimestamp();
        var (rowsChecked, all) = (0L, 0L);
        var verdict = await verifier.VerifyAsync(
            noted,
            async (done, rows) =>
            {
                (rowsChecked, all) = (done, rows);
                if (time.GetElapsedTime(told) >= ProgressInterval)
                {
                    await responseStream.WriteAsync(new VerifyAuditResponse { RowsChecked = done, Rows = rows }, context.CancellationToken);
                    told = time.GetTimestamp();
                }
            },
            context.CancellationToken);
        await responseStream.WriteAsync(new VerifyAuditResponse { RowsChecked = rowsChecked, Rows = all, Verdict = verdict }, context.CancellationToken);
    }

    public override async Task ExportAudit(ExportAuditRequest request, IServerStreamWriter<ExportAuditResponse> responseStream, ServerCallContext context)
    {
        var (from, to) = (Time(request.From) ?? DateTimeOffset.MinValue, Time(request.To) ?? DateTimeOffset.MaxValue);
        if (from > to)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "The time ends before it begins: from must not be after to.");
        }

        long? position = null;
        var told = time.GetTimestamp();
        while (true)
        {
            var page = await SealedRows.ReadAsync(databases, position ?? -1, context.CancellationToken);
            if (position < page.Start.Position)
            {
                throw Refusal.Of(StatusCode.Aborted, "Retention has dropped rows while they were being exported; export again.");
            }

            var rows = from row in page.Rows
                       where row.Row is { } prediction && prediction.Time >= @from && prediction.Time < to && (!request.HasTenant || prediction.Tenant == request.Tenant)
                       select ToMessage(row.Seal, row.Row!);
            var message = new ExportAuditResponse { Rows = { rows } };
            if (message.Rows.Count > 0 || time.GetElapsedTime(told) >= LongestSilence)
            {
                await responseStream.WriteAsync(message, context.CancellationToken);
                told = time.GetTimestamp();
            }

            if (page.Rows.Count < SealedRows.PageSize)
            {
                return;
            }

            position = page.Rows[^1].Seal.Position;
        }
    }

    private static AuditRow ToMessage(Storage.Predictions.PredictionSeal seal, Storage.Predictions.Prediction row) => new()
    {
        Position = seal.Position,
        Tenant = row.Tenant,
        Prediction = PredictionsService.ToMessage(row, seal.TenantSequence),
        Form = seal.Form,
        Hash = Convert.ToHexStringLower(seal.Hash),
    };

    private static ChainEnd? Noted(VerifyAuditRequest request)
    {
        if (!request.HasNotedPosition && !request.HasNotedHash)
        {
            return null;
        }

        return request is { HasNotedPosition: true, NotedPosition: > 0, NotedHash: { Length: 64 } hash } && hash.All(char.IsAsciiHexDigit)
            ? new ChainEnd(request.NotedPosition, Convert.FromHexString(hash))
            : throw Refusal.Of(StatusCode.InvalidArgument, "What was noted is a position from 1 and its hash of 64 hexadecimal digits, both together.");
    }

    private static DateTimeOffset? Time(Timestamp? timestamp)
    {
        try
        {
            return timestamp?.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            throw Refusal.Of(StatusCode.InvalidArgument, "A time is out of range: from year 1 to 9999, with nanoseconds below a billion.");
        }
    }
}
