using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Grpc.Core;
using Melanoma.Contracts;
using Melanoma.Ingestion.Catalogue;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Melanoma.Storage.Reviews;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Reviews;

/// <summary>Finds the images that a decision is about. Every condition must hold; the images and items that are named are together one condition.</summary>
internal sealed partial class ImageSelectionQuery
{
    /// <summary>Most images that one decision can be about.</summary>
    public const int MaxImages = 100_000;

    private const string Contested = """
        SELECT DISTINCT group_id, rank, diagnoses FROM label_claims JOIN images ON images.id = image_id
        WHERE group_id IN (SELECT group_id FROM images WHERE label_state = $1) AND excluded_at IS NULL AND forgotten_at IS NULL
        """;

    private const string UnknownImage =
        "SELECT wanted.id FROM unnest($1::uuid[]) AS wanted (id) WHERE NOT EXISTS (SELECT FROM images WHERE images.id = wanted.id) LIMIT 1";

    public required Guid[] ImageIds { get; init; }

    public required Guid[] ItemIds { get; init; }

    /// <summary>Whether items may be named that ask about two images of two lesions; by default not, because what is decided would be meant for one of them.</summary>
    public bool TakesPairs { get; init; }

    public DiagnosisSet? ConflictBetween { get; init; }

    public Diagnosis? Folder { get; init; }

    public string? FirstIsicId { get; init; }

    public string? LastIsicId { get; init; }

    public Guid? DeliveryId { get; init; }

    /// <summary>Reads a selection from the wire.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: it is empty, or a part of it is not understood.</exception>
    public static ImageSelectionQuery Parse(V1.ImageSelection? selection)
    {
        if (selection is null || selection.CalculateSize() == 0)
            Throw(StatusCode.InvalidArgument, "The selection is empty. Name images or review items, or give a condition.");
        if (selection.ImageIds.Count > MaxImages || selection.ItemIds.Count > MaxImages)
            ThrowTooMany();
        var between = selection.ConflictBetween.Count == 0 ? (DiagnosisSet?)null : WireText.ParseDiagnoses(selection.ConflictBetween, "conflict_between");
        if (between is { Count: < 2 })
            Throw(StatusCode.InvalidArgument, $"conflict_between names only {between}. Name the two diagnoses, or more, that contradict each other.");
        var first = selection.HasFirstIsicId ? ParseIsicId(selection.FirstIsicId, "first_isic_id") : null;
        var last = selection.HasLastIsicId ? ParseIsicId(selection.LastIsicId, "last_isic_id") : null;
        if (first is not null && last is not null && string.CompareOrdinal(first, last) > 0)
            Throw(StatusCode.InvalidArgument, $"first_isic_id {first} comes after last_isic_id {last}. Exchange them.");
        return new ImageSelectionQuery
        {
            ImageIds = [.. selection.ImageIds.Select(id => WireText.ParseId(id, "image_ids", "ListImages gives the ids")).Distinct()],
            ItemIds = ParseItems(selection.ItemIds),
            ConflictBetween = between,
            Folder = selection.HasFolder ? WireText.ParseDiagnosis(selection.Folder, "folder") : null,
            FirstIsicId = first,
            LastIsicId = last,
            DeliveryId = selection.HasDeliveryId ? WireText.ParseId(selection.DeliveryId, "delivery_id", "ListDeliveries gives the ids") : null,
        };
    }

    /// <summary>The images of review items.</summary>
    public static ImageSelectionQuery OfItems(Guid[] items) => new() { ImageIds = [], ItemIds = items, TakesPairs = true };

    public static Guid[] ParseItems(IEnumerable<string> ids) =>
        [.. ids.Select(id => WireText.ParseId(id, "item_ids", "ListReviewItems gives the ids")).Distinct()];

    /// <summary>The images that meet the selection at this moment. The catalogue's lock must be held. Forgotten ones are never among them.</summary>
    /// <param name="connection">The connection whose transaction holds the lock.</param>
    /// <param name="takeExcluded">Whether images that were excluded count; those named by their own id always do.</param>
    /// <param name="cancellationToken">Breaks the transaction.</param>
    /// <exception cref="RpcException">
    /// NOT_FOUND: something that is named is not there, or no image is left. FAILED_PRECONDITION: an item is closed.
    /// INVALID_ARGUMENT: there are too many images, or an item asks something else.
    /// </exception>
    public async Task<IReadOnlyList<SelectedImage>> ReadAsync(NpgsqlConnection connection, bool takeExcluded, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand { Connection = connection, CommandTimeout = CatalogueLock.Timeout };
        var conditions = new List<string> { "forgotten_at IS NULL" };
        if (ImageIds.Length > 0 || ItemIds.Length > 0)
        {
            await CheckImagesAsync(connection, cancellationToken);
            var items = await NamedItem.ReadAsync(connection, ItemIds, cancellationToken);
            if (!TakesPairs && items.FirstOrDefault(item => item.Kind == ReviewKind.LesionViews) is { } pair)
            {
                Throw(StatusCode.InvalidArgument,
                    $"Review item {pair.Id} asks whether two pictures show one lesion: confirm, reject or defer it. To decide about a picture, name the image.");
            }

            var ids = Parameter(command, ImageIds.Concat(items.SelectMany(item => item.ImageIds)).ToArray());
            var groups = Parameter(command, items.Where(item => item.ImageId is null).Select(item => item.GroupId).ToArray());
            conditions.Add($"(images.id = ANY({ids}) OR group_id = ANY({groups}))");
        }

        if (!takeExcluded)
            conditions.Add($"(excluded_at IS NULL OR images.id = ANY({Parameter(command, ImageIds)}))");
        if (ConflictBetween is { } between)
            conditions.Add($"group_id = ANY({Parameter(command, await FindContestedAsync(connection, between, cancellationToken))})");
        if (Folder is { } folder)
        {
            conditions.Add($"""
                EXISTS (SELECT FROM label_claims WHERE image_id = images.id AND rank = {Parameter(command, (short)ClaimRank.Folder)}
                    AND diagnoses = {Parameter(command, DiagnosisSet.Of(folder).Bits)})
                """);
        }

        if (FirstIsicId is not null || LastIsicId is not null)
        {
            // Ids have the same number of digits, so that their order as text is their order as numbers.
            conditions.Add($"""
                images.id IN (SELECT image_id FROM image_isic_ids WHERE isic_id COLLATE "C" BETWEEN {Parameter(command, FirstIsicId ?? "")}
                    AND {Parameter(command, LastIsicId ?? "ISIC_9999999")})
                """);
        }

        if (DeliveryId is { } delivery)
        {
            await CheckDeliveryAsync(connection, delivery, cancellationToken);
            conditions.Add($"images.id IN (SELECT image_id FROM delivery_files WHERE delivery_id = {Parameter(command, delivery)})");
        }

        command.CommandText = $"SELECT images.id, group_id FROM images WHERE {string.Join(" AND ", conditions)} ORDER BY images.id LIMIT {MaxImages + 1}";
        var found = new List<SelectedImage>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            found.Add(new SelectedImage(rows.GetGuid(0), rows.GetGuid(1)));
        if (found.Count == 0)
            Throw(StatusCode.NotFound, "No image meets every condition given; leave one out. Excluded images are settled only where they are named.");
        if (found.Count > MaxImages)
            ThrowTooMany();
        return found;
    }

    private static string Parameter<T>(NpgsqlCommand command, T value)
        where T : notnull
    {
        command.Parameters.Add(new NpgsqlParameter { Value = value });
        return $"${command.Parameters.Count}";
    }

    private static async Task<Guid[]> FindContestedAsync(NpgsqlConnection connection, DiagnosisSet between, CancellationToken cancellationToken)
    {
        var claims = new List<(Guid Group, Claim Claim)>();
        await using var command = new NpgsqlCommand(Contested, connection)
        {
            CommandTimeout = CatalogueLock.Timeout,
            Parameters = { new() { Value = LabelState.Conflict.ToColumn() } },
        };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
            claims.Add((rows.GetGuid(0), new Claim((ClaimRank)rows.GetInt16(1), new DiagnosisSet(rows.GetInt16(2)))));
        return [.. claims.GroupBy(claim => claim.Group, claim => claim.Claim)
            .Where(group => ClaimResolution.Resolve(group).Contested == between)
            .Select(group => group.Key)];
    }

    private async Task CheckImagesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(UnknownImage, connection)
        {
            Parameters = { new() { Value = ImageIds } },
        };
        if (await command.ExecuteScalarAsync(cancellationToken) is Guid unknown)
            Throw(StatusCode.NotFound, $"There is no image {unknown}; ListImages gives the ids.");
    }

    private static async Task CheckDeliveryAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT 1 FROM deliveries WHERE id = $1", connection) { Parameters = { new() { Value = id } } };
        if (await command.ExecuteScalarAsync(cancellationToken) is null)
            Throw(StatusCode.NotFound, $"There is no delivery {id}; ListDeliveries gives the ids.");
    }

    private static string ParseIsicId(string text, string field)
    {
        var id = text.Trim().ToUpperInvariant();
        if (!IsicId().IsMatch(id))
            Throw(StatusCode.InvalidArgument, $"{field} is not an ISIC id. Write it like ISIC_0024306.");
        return id;
    }

    [DoesNotReturn]
    private static void ThrowTooMany() => Throw(
        StatusCode.InvalidArgument, $"The selection has more than {MaxImages} images. Narrow it, for example by ISIC ids, and decide in parts.");

    [DoesNotReturn]
    private static void Throw(StatusCode code, string detail) => throw new RpcException(new Status(code, detail));

    [GeneratedRegex("^ISIC_[0-9]{7}$", RegexOptions.CultureInvariant)]
    private static partial Regex IsicId();
}

/// <summary>An image that a decision is about, and the lesion group that it belongs to.</summary>
internal readonly record struct SelectedImage(Guid Id, Guid GroupId);
