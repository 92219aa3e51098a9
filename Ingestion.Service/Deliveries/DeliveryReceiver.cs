using Google.Protobuf;
using Melanoma.Ingestion.Datasets;
using Melanoma.Ingestion.Disks;
using Microsoft.Extensions.Options;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>Receives deliveries, whoever brings them: opens one, takes its files in, and closes it.</summary>
internal sealed partial class DeliveryReceiver(
    DeliveryPipeline pipeline,
    DeliveryReports reports,
    TableIntake tables,
    DiskWatch disks,
    NpgsqlDataSource dataSource,
    IOptions<DeliveryOptions> options,
    IngestionMetrics metrics,
    TimeProvider time,
    ILogger<DeliveryReceiver> logger)
{
    /// <summary>Receives one delivery; what was stored when it fails stays stored.</summary>
    /// <param name="name">What people will call it.</param>
    /// <param name="deliveredBy">Who brings it.</param>
    /// <param name="began">Told its id before the first file is read.</param>
    /// <param name="source">Reads the files into the intake, one after the other.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="Grpc.Core.RpcException">RESOURCE_EXHAUSTED: a disk has too little room, at the beginning or on the way.</exception>
    public async Task<V1.Delivery> ReceiveAsync(
        string name, string deliveredBy, Func<Guid, Task> began, Func<FileIntake, CancellationToken, Task> source, CancellationToken cancellationToken)
    {
        disks.EnsureRoom();
        await using var delivery = await OpenDelivery.BeginAsync(dataSource, time, name, deliveredBy, cancellationToken);
        LogBegan(delivery.Id, name);
        metrics.DeliveryBegan();
        try
        {
            await began(delivery.Id);
            await pipeline.RunAsync(delivery.Id, (sink, token) => source(new FileIntake(delivery.Id, sink, tables, options.Value), token), cancellationToken);
            await delivery.CompleteAsync();
        }
        catch (Exception exception)
        {
            LogAbandoned(delivery.Id, exception.Message);
            await AbandonAsync(delivery);
            throw;
        }
        finally
        {
            metrics.DeliveryEnded();
        }

        await NoteChangeAsync(delivery.Id);
        var report = (await reports.FindAsync(delivery.Id, CancellationToken.None))!;
        LogCompleted(delivery.Id, report.Stored, report.Duplicates, report.Refused, report.Metadata, report.Waiting, report.Conflicts);
        return report;
    }

    // What it changed is worth knowing, and no reason to call a delivery lost that is stored as a whole.
    private async Task NoteChangeAsync(Guid deliveryId)
    {
        try
        {
            var change = await NextDataset.CompareAsync(dataSource, CancellationToken.None);
            await using var note = dataSource.CreateCommand("UPDATE deliveries SET dataset_change = $2::jsonb WHERE id = $1");
            note.Parameters.AddWithValue(deliveryId);
            note.Parameters.AddWithValue(JsonFormatter.Default.Format(change));
            await note.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (NpgsqlException exception)
        {
            LogChangeNotNoted(deliveryId, exception.Message);
        }
    }

    private async Task AbandonAsync(OpenDelivery delivery)
    {
        try
        {
            await delivery.AbandonAsync();
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException)
        {
            // The sweep marks it as soon as the database is back.
            LogNotMarked(delivery.Id, exception.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Delivery {DeliveryId} '{Name}' began")]
    private partial void LogBegan(Guid deliveryId, string name);

    [LoggerMessage(2, LogLevel.Information,
        "Delivery {DeliveryId} is complete: {Stored} stored, {Duplicates} duplicates, {Refused} refused, {Metadata} tables, {Waiting} waiting, "
        + "{Conflicts} images in conflict")]
    private partial void LogCompleted(Guid deliveryId, int stored, int duplicates, int refused, int metadata, int waiting, int conflicts);

    [LoggerMessage(3, LogLevel.Warning, "Delivery {DeliveryId} ended before it was complete: {Reason}")]
    private partial void LogAbandoned(Guid deliveryId, string reason);

    [LoggerMessage(5, LogLevel.Warning, "What delivery {DeliveryId} changes for the next dataset could not be noted: {Reason}")]
    private partial void LogChangeNotNoted(Guid deliveryId, string reason);

    [LoggerMessage(4, LogLevel.Warning, "Delivery {DeliveryId} could not be marked abandoned yet: {Reason}")]
    private partial void LogNotMarked(Guid deliveryId, string reason);
}
