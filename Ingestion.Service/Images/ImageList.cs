using System.Text;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Ingestion.Datasets;
using Npgsql;

namespace Melanoma.Ingestion.Images;

/// <summary>
/// Pages of the catalogue in the order in which images were stored. Numbers only rise, so that a reader who goes from page to page sees each image
/// that was there exactly once, whatever arrives meanwhile.
/// </summary>
internal sealed class ImageList(NpgsqlDataSource dataSource)
{
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 1000;

    /// <exception cref="RpcException">INVALID_ARGUMENT: a filter or the token is not understood.</exception>
    public async Task<ListImagesResponse> ReadAsync(ListImagesRequest request, CancellationToken cancellationToken)
    {
        if (request.PageSize is < 0 or > MaxPageSize)
            throw Invalid($"page_size is {request.PageSize}; choose 1 to {MaxPageSize}, or leave it out for {DefaultPageSize}.");
        var size = request.PageSize == 0 ? DefaultPageSize : request.PageSize;
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var page = new List<(Guid Id, long Number)>(size + 1);
        await using (var command = Select(request, ImagePageToken.Read(request), size + 1))
        {
            command.Connection = connection;
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                page.Add((rows.GetGuid(0), rows.GetInt64(1)));
        }

        var response = new ListImagesResponse();
        if (page.Count > size)
        {
            page.RemoveAt(size);
            response.NextPageToken = ImagePageToken.Write(request, page[^1].Number);
        }

        response.Images.AddRange(await ImageReader.ReadAsync(connection, [.. page.Select(image => image.Id)], cancellationToken));
        return response;
    }

    private static NpgsqlCommand Select(ListImagesRequest request, long after, int count)
    {
        var command = new NpgsqlCommand { Parameters = { new() { Value = after }, new() { Value = count } } };
        var sql = new StringBuilder("SELECT id, number FROM images WHERE number > $1");
        if (request.HasDiagnosis)
            Where("label_state = 'settled' AND label = {0}", DiagnosisSet.Of(ParseDiagnosis(request.Diagnosis)).Bits);
        if (request.HasLabelState)
            Where("label_state = {0}", StateColumn(request.LabelState));
        if (request.HasQualityFlag)
            Where("measures_quality_flags <> 0 AND measures_quality_flags & {0} <> 0", ParseQuality(request.QualityFlag));
        if (request.HasSource)
            Where("source = {0}", request.Source);
        if (request is { HasLicence: true, Licence: LicenceChoice.Unknown })
            sql.Append(" AND licence IS NULL");
        else if (request.HasLicence)
            Where("licence = {0}", LicenceChoice.Normalise(request.Licence));
        if (request.HasGroupId)
            Where("group_id = {0}", ParseId(request.GroupId, "group_id"));
        if (request.HasIsicId)
            Where("id IN (SELECT image_id FROM image_isic_ids WHERE isic_id = {0})", request.IsicId);
        if (request.HasDeliveryId)
            Where("id IN (SELECT image_id FROM delivery_files WHERE delivery_id = {0})", ParseId(request.DeliveryId, "delivery_id"));
        if (request.HasExcluded)
            sql.Append(request.Excluded ? " AND excluded_at IS NOT NULL" : " AND excluded_at IS NULL");
        command.CommandText = sql.Append(" ORDER BY number LIMIT $2").ToString();
        return command;

        void Where(string condition, object value)
        {
            command.Parameters.Add(new() { Value = value });
            sql.Append(" AND ").Append(condition.Replace("{0}", $"${command.Parameters.Count}", StringComparison.Ordinal));
        }
    }

    private static short ParseQuality(string word) => QualityWords.Parse(word)
        ?? throw Invalid($"There is no quality flag '{word}'. Flags: {QualityWords.Any}, {string.Join(", ", QualityWords.All)}.");

    private static Diagnosis ParseDiagnosis(string name) => Diagnoses.TryParse(name, out var diagnosis)
        ? diagnosis
        : throw Invalid($"There is no diagnosis '{name}'. Diagnoses: {string.Join(", ", Diagnoses.Names)}.");

    private static string StateColumn(LabelState state) => state switch
    {
        LabelState.Unlabelled => "unlabelled",
        LabelState.Settled => "settled",
        LabelState.Conflict => "conflict",
        _ => throw Invalid("label_state is not known; choose LABEL_STATE_UNLABELLED, LABEL_STATE_SETTLED or LABEL_STATE_CONFLICT, or leave it out."),
    };

    private static Guid ParseId(string text, string field) => Guid.TryParse(text, out var id) ? id : throw Invalid($"{field} is '{text}'; it must be a UUID.");

    private static RpcException Invalid(string detail) => new(new Status(StatusCode.InvalidArgument, detail));
}
