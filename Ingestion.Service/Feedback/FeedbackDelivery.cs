using System.Data;
using Melanoma.Ingestion.Deliveries;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Feedback;

/// <summary>Takes in the images that came with feedback, as any other images: one delivery, whose report says what became of each.</summary>
internal sealed class FeedbackDelivery(DeliveryReceiver receiver, NpgsqlDataSource dataSource)
{
    private const string DeliveryName = "feedback";

    private const string Bytes = "SELECT bytes FROM feedback_images WHERE feedback_id = $1";

    private const string Refused = "SELECT path, reason FROM delivery_files WHERE delivery_id = $1 AND outcome = $2";

    /// <summary>Takes the images of some feedback in.</summary>
    /// <returns>Why, for those that were refused.</returns>
    public async Task<IReadOnlyDictionary<Guid, string>> ReceiveAsync(IReadOnlyCollection<Guid> feedback, CancellationToken cancellationToken)
    {
        var delivery = Guid.Empty;
        await receiver.ReceiveAsync(
            DeliveryName, DeliveryName,
            id =>
            {
                delivery = id;
                return Task.CompletedTask;
            },
            async (intake, token) =>
            {
                foreach (var id in feedback)
                {
                    if (await ReadAsync(id, token) is { } bytes)
                        await intake.Sink.AddAsync(PathOf(id), bytes, token);
                }
            },
            cancellationToken);
        var refused = await ReadRefusedAsync(delivery, cancellationToken);
        return feedback.Where(id => refused.ContainsKey(PathOf(id))).ToDictionary(id => id, id => refused[PathOf(id)]);
    }

    // Neither a folder that names a class nor a name that is an ISIC id: the file claims nothing, the feedback does.
    private static string PathOf(Guid feedback) => $"feedback/{feedback}";

    private async Task<byte[]?> ReadAsync(Guid feedback, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Bytes);
        command.Parameters.Add(new() { Value = feedback });
        await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        return await rows.ReadAsync(cancellationToken) ? await rows.GetFieldValueAsync<byte[]>(0, cancellationToken) : null;
    }

    private async Task<Dictionary<string, string>> ReadRefusedAsync(Guid delivery, CancellationToken cancellationToken)
    {
        var refused = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var command = dataSource.CreateCommand(Refused);
        command.Parameters.Add(new() { Value = delivery });
        command.Parameters.Add(new() { Value = FileOutcome.Refused.ToColumn() });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            refused.Add(rows.GetString(0), rows.GetString(1));
        return refused;
    }
}
