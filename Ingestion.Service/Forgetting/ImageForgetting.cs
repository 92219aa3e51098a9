using System.Globalization;
using Grpc.Core;
using Melanoma.Contracts.Messages;
using Melanoma.Contracts.V1;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Images;
using Melanoma.Ingestion.Labels;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.Forgetting;

/// <summary>
/// Deletes the bytes of images for good, in one transaction. Their rows and hashes stay, so that the same bytes are not taken in again; their claims have
/// no say any more, and the augmentation workers are told to delete what was made of them.
/// </summary>
internal sealed partial class ImageForgetting(NpgsqlDataSource dataSource, TimeProvider time, ILogger<ImageForgetting> logger)
{
    private const int ImagesAtMost = 10_000;
    private const int IdsPerMessage = 1000;

    private const string ImagesOfPatient = $"SELECT DISTINCT image_id FROM image_isic_ids JOIN metadata_rows USING (isic_id) WHERE {PatientScope.Rows}";

    private const string Unknown = "SELECT id FROM unnest($1::uuid[]) AS wanted (id) WHERE NOT EXISTS (SELECT FROM images WHERE images.id = wanted.id) LIMIT 1";

    private const string Mark = "UPDATE images SET forgotten_at = $2 WHERE id = ANY($1) AND forgotten_at IS NULL RETURNING id, group_id";

    private const string CloseItems =
        "UPDATE review_items SET state = 'closed', closed_at = $2 WHERE (image_id = ANY($1) OR other_image_id = ANY($1)) AND state <> 'closed'";

    private const string Announce = """
        INSERT INTO outbox (service, message_name, body, trace_parent) SELECT 'ingestion', $1, body, $3 FROM unnest($2::jsonb[]) AS message (body)
        """;

    private static readonly string[] DeleteBytes =
        ["DELETE FROM image_contents WHERE image_id = ANY($1)", "DELETE FROM image_signatures WHERE image_id = ANY($1)"];

    /// <exception cref="RpcException">
    /// INVALID_ARGUMENT: neither or both are named, or too many. NOT_FOUND: there is no such image or patient. FAILED_PRECONDITION: several people may be
    /// meant. Nothing was forgotten.
    /// </exception>
    public async Task<ForgetImagesResponse> ForgetAsync(ForgetImagesRequest request, string caller, CancellationToken cancellationToken)
    {
        if (request.HasPatientId == (request.ImageIds.Count > 0))
            throw Invalid("Name either image_ids or patient_id.");
        if (request.ImageIds.Count > ImagesAtMost)
            throw Invalid($"{request.ImageIds.Count} images are named; at most {ImagesAtMost} are forgotten in one call.");
        if (request is { HasPatientId: true, PatientId.Length: 0 })
            throw Invalid("patient_id is empty.");
        if (request is { HasSource: true, HasPatientId: false })
            throw Invalid("source says whose pseudonym patient_id is; without patient_id leave it out.");
        var named = request.ImageIds.Select(ImageIds.Parse).Distinct().ToArray();
        var now = time.GetUtcNow();
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await CatalogueLock.TakeAsync(transaction, cancellationToken);
        var images = request.HasPatientId ? await FindPatientAsync(connection, request, cancellationToken) : named;
        await RefuseUnknownAsync(connection, images, cancellationToken);
        var marked = await MarkAsync(connection, images, now, cancellationToken);
        await PersonalFacts.BlankImagesAsync(connection, images, cancellationToken);
        foreach (var statement in DeleteBytes)
            await ExecuteAsync(connection, statement, cancellationToken, images);
        await LabelResolution.ApplyAsync(connection, [.. marked.Select(image => image.Group).Distinct()], now, cancellationToken);
        await ExecuteAsync(connection, CloseItems, cancellationToken, images, now);
        await AnnounceAsync(connection, [.. marked.Select(image => image.Id)], cancellationToken);
        var uses = await ImageUses.ReadAsync(connection, images, cancellationToken);
        var copies = await RemainingCopies.FindAsync(connection, images, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogForgotten(marked.Count, caller, uses.Models.Count);
        var response = new ForgetImagesResponse { Images = marked.Count };
        response.Datasets.AddRange(uses.Datasets.Select(use => use.DatasetId).Distinct());
        response.TrainedModels.AddRange(uses.Models.Select(version => version.ToString(CultureInfo.InvariantCulture)));
        response.RemainingCopies.AddRange(copies.Select(copy => copy.ToString()));
        return response;
    }

    private static async Task<Guid[]> FindPatientAsync(NpgsqlConnection connection, ForgetImagesRequest request, CancellationToken cancellationToken)
    {
        var patient = await PatientScope.FindAsync(connection, request.PatientId, request.HasSource ? request.Source : null, cancellationToken);
        var images = await ReadIdsAsync(connection, ImagesOfPatient, cancellationToken, patient.PatientId, patient.Source);
        await PersonalFacts.BlankPatientAsync(connection, patient, cancellationToken);
        return [.. images];
    }

    private static async Task RefuseUnknownAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        if (await ReadIdsAsync(connection, Unknown, cancellationToken, images) is [var unknown, ..])
            throw ImageIds.NotFound(unknown);
    }

    private static async Task<List<(Guid Id, Guid Group)>> MarkAsync(
        NpgsqlConnection connection, Guid[] images, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var marked = new List<(Guid Id, Guid Group)>();
        await using var command = new NpgsqlCommand(Mark, connection) { CommandTimeout = 0, Parameters = { new() { Value = images }, new() { Value = now } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            marked.Add((rows.GetGuid(0), rows.GetGuid(1)));
        return marked;
    }

    private static async Task AnnounceAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        if (images.Length == 0)
            return;
        await using var command = new NpgsqlCommand(Announce, connection)
        {
            Parameters =
            {
                new() { Value = MessageCatalogue.NameOf(typeof(ImagesForgotten)) },
                new() { Value = images.Chunk(IdsPerMessage).Select(ids => MessageCatalogue.Serialize(new ImagesForgotten(ids))).ToArray() },
                new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)System.Diagnostics.Activity.Current?.Id ?? DBNull.Value },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<List<Guid>> ReadIdsAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        var ids = new List<Guid>();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            ids.Add(rows.GetGuid(0));
        return ids;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static RpcException Invalid(string detail) => new(new Status(StatusCode.InvalidArgument, detail));

    [LoggerMessage(41, LogLevel.Information, "{Images} images were forgotten for {Caller}; {Models} models were trained on them or others of the call")]
    private partial void LogForgotten(int images, string caller, int models);
}
