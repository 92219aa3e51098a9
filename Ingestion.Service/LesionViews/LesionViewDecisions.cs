using Grpc.Core;
using Melanoma.Ingestion.Groups;
using Melanoma.Ingestion.Labels;
using Melanoma.Ingestion.Reviews;
using Melanoma.Storage.Reviews;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.LesionViews;

/// <summary>What a reviewer's answer about two pictures does. The catalogue's lock must be held.</summary>
internal static class LesionViewDecisions
{
    private const string Images = "SELECT id, group_id FROM images WHERE id = ANY($1) ORDER BY id";

    // Of the groups that were joined nothing but this lesion has images any more.
    private const string Split = "SELECT split FROM lesion_groups JOIN images ON group_id = lesion_groups.id WHERE images.id = $1";

    private const string Divided = """
        SELECT dataset_id FROM dataset_items AS item JOIN images ON images.id = item.image_id
        WHERE item.kind = 'honest' AND images.group_id = (SELECT group_id FROM images WHERE id = $1)
        GROUP BY dataset_id HAVING count(DISTINCT item.split) > 1 ORDER BY dataset_id
        """;

    /// <summary>The two images of an item that is a question still.</summary>
    /// <exception cref="RpcException">
    /// NOT_FOUND: there is no such item. FAILED_PRECONDITION: it is closed, or no longer a question. INVALID_ARGUMENT: it asks something else.
    /// </exception>
    public static async Task<IReadOnlyList<SelectedImage>> ReadAsync(
        NpgsqlConnection connection, Guid itemId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await LesionViewQuestions.CloseAnsweredAsync(connection, now, cancellationToken);
        var item = (await NamedItem.ReadAsync(connection, [itemId], cancellationToken))[0];
        if (item.Kind != ReviewKind.LesionViews)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, $"Review item {itemId} does not ask whether two pictures show one lesion. Settle it, exclude its images, or defer it."));
        }

        var images = new List<SelectedImage>();
        await using var command = new NpgsqlCommand(Images, connection) { Parameters = { new() { Value = item.ImageIds.ToArray() } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            images.Add(new SelectedImage(rows.GetGuid(0), rows.GetGuid(1)));
        return images;
    }

    /// <summary>Joins the groups of two images, resolves the claims about both together, and closes what is answered by it.</summary>
    public static async Task JoinAsync(
        NpgsqlConnection connection, IReadOnlyList<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var groups = images.Select(image => image.GroupId).ToArray();
        var grouping = await GroupWriter.JoinAsync(
            connection, [new ImageToGroup([], groups, [], DeliveredAsTest: false)], Enumerable.Empty<Guid>().ToLookup(_ => ""), cancellationToken);
        await LabelResolution.ApplyAsync(connection, [.. grouping.Touched], now, cancellationToken);
        await LesionViewQuestions.CloseAnsweredAsync(connection, now, cancellationToken);
    }

    /// <summary>Closes what is answered when two lesions were called different.</summary>
    public static Task KeepApartAsync(
        NpgsqlConnection connection, IReadOnlyList<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken) =>
        LesionViewQuestions.CloseAnsweredAsync(connection, now, cancellationToken);

    /// <summary>Asks again what was asked before two lesions were called different.</summary>
    public static Task AskAgainAsync(
        NpgsqlConnection connection, IReadOnlyList<SelectedImage> images, DateTimeOffset now, CancellationToken cancellationToken) =>
        LesionViewQuestions.ReopenAsync(connection, [.. images.Select(image => image.Id)], cancellationToken);

    /// <summary>Says what became of a lesion that was joined.</summary>
    public static async Task DescribeAsync(NpgsqlConnection connection, Guid image, V1.ReviewOutcome outcome, CancellationToken cancellationToken)
    {
        await using (var split = new NpgsqlCommand(Split, connection) { Parameters = { new() { Value = image } } })
            outcome.JoinedSplit = await split.ExecuteScalarAsync(cancellationToken) as string ?? "";
        await using var divided = new NpgsqlCommand(Divided, connection) { Parameters = { new() { Value = image } } };
        await using var rows = await divided.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            outcome.DividedDatasets.Add(rows.GetInt32(0));
    }
}
