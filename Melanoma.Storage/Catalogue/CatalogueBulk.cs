using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Storage.Catalogue;

/// <summary>The hand-written way of large amounts into the catalogue: binary COPY, on a connection whose transaction the caller owns.</summary>
public static class CatalogueBulk
{
    private const string Images =
        "COPY images (id, sha256, group_id, delivery_id, media_type, width, height, size_bytes, received_at, label_state, label, "
        + "licence, attribution, source, age_years, sex, site, skin_tone, patient_id, "
        + "measures_quality_flags, measures_sharpness, measures_highlights, measures_burnt_share, measures_blank_share, measures_likeness, measures_jpeg_quality, "
        + "measures_jpeg_tables, measures_subsampling, measures_corner_brightness, measures_dark_corners, measures_dark_sides) FROM STDIN (FORMAT BINARY)";

    private const string Contents = "COPY image_contents (image_id, bytes) FROM STDIN (FORMAT BINARY)";

    private const string Signatures = "COPY image_signatures (image_id, keys, bytes) FROM STDIN (FORMAT BINARY)";

    private const string Files =
        "COPY delivery_files (delivery_id, path, outcome, reason, refusal_kind, image_id, near_duplicate_of_id, folder_diagnosis, folder_split, size_bytes) FROM STDIN (FORMAT BINARY)";

    /// <summary>Adds images with their bytes. Their groups must exist, and no image may have the same SHA-256.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="images">The rows, each with its encoded bytes.</param>
    /// <param name="cancellationToken">Takes back all of the call.</param>
    /// <exception cref="PostgresException">A constraint does not hold; the transaction is broken.</exception>
    public static async Task CopyImagesAsync(NpgsqlConnection connection, IReadOnlyCollection<(Image Image, byte[] Bytes)> images, CancellationToken cancellationToken)
    {
        await using (var copy = await connection.BeginBinaryImportAsync(Images, cancellationToken))
        {
            foreach (var (image, _) in images)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(image.Id, NpgsqlDbType.Uuid, cancellationToken);
                await copy.WriteAsync(image.Sha256, NpgsqlDbType.Bytea, cancellationToken);
                await copy.WriteAsync(image.GroupId, NpgsqlDbType.Uuid, cancellationToken);
                await copy.WriteAsync(image.DeliveryId, NpgsqlDbType.Uuid, cancellationToken);
                await copy.WriteAsync(image.MediaType, NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync(image.Width, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync(image.Height, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync(image.SizeBytes, NpgsqlDbType.Integer, cancellationToken);
                await copy.WriteAsync(image.ReceivedAt, NpgsqlDbType.TimestampTz, cancellationToken);
                await copy.WriteAsync(image.LabelState.ToColumn(), NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.Label?.Bits, NpgsqlDbType.Smallint, cancellationToken);
                await WriteAsync(copy, image.Licence, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.Attribution, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.Source, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.AgeYears, NpgsqlDbType.Smallint, cancellationToken);
                await WriteAsync(copy, image.Sex, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.Site, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.SkinTone, NpgsqlDbType.Text, cancellationToken);
                await WriteAsync(copy, image.PatientId, NpgsqlDbType.Text, cancellationToken);
                await WriteMeasuresAsync(copy, image.Measures, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await using (var copy = await connection.BeginBinaryImportAsync(Contents, cancellationToken))
        {
            foreach (var (image, bytes) in images)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(image.Id, NpgsqlDbType.Uuid, cancellationToken);
                await copy.WriteAsync(bytes, NpgsqlDbType.Bytea, cancellationToken);
            }

            await copy.CompleteAsync(cancellationToken);
        }
    }

    /// <summary>Adds what near-duplicates of images are found by; the images must exist.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="signatures">Image, keys and signature.</param>
    /// <param name="cancellationToken">Takes back all of the call.</param>
    /// <exception cref="PostgresException">A constraint does not hold; the transaction is broken.</exception>
    public static async Task CopySignaturesAsync(
        NpgsqlConnection connection, IReadOnlyCollection<(Guid ImageId, byte[] Keys, byte[] Bytes)> signatures, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Signatures, cancellationToken);
        foreach (var (id, keys, bytes) in signatures)
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(id, NpgsqlDbType.Uuid, cancellationToken);
            await copy.WriteAsync(keys, NpgsqlDbType.Bytea, cancellationToken);
            await copy.WriteAsync(bytes, NpgsqlDbType.Bytea, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    /// <summary>Adds what became of delivered files; the database numbers them in the given order.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="files">The rows.</param>
    /// <param name="cancellationToken">Takes back all of the call.</param>
    /// <exception cref="PostgresException">A constraint does not hold; the transaction is broken.</exception>
    public static async Task CopyDeliveryFilesAsync(NpgsqlConnection connection, IEnumerable<DeliveryFile> files, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(Files, cancellationToken);
        foreach (var file in files)
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(file.DeliveryId, NpgsqlDbType.Uuid, cancellationToken);
            await copy.WriteAsync(file.Path, NpgsqlDbType.Varchar, cancellationToken);
            await copy.WriteAsync(file.Outcome.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(file.Reason, NpgsqlDbType.Text, cancellationToken);
            await WriteAsync(copy, file.RefusalKind, NpgsqlDbType.Text, cancellationToken);
            await WriteAsync(copy, file.ImageId, NpgsqlDbType.Uuid, cancellationToken);
            await WriteAsync(copy, file.NearDuplicateOfId, NpgsqlDbType.Uuid, cancellationToken);
            await WriteAsync(copy, (short?)file.FolderDiagnosis, NpgsqlDbType.Smallint, cancellationToken);
            await WriteAsync(copy, file.FolderSplit?.ToColumn(), NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(file.SizeBytes, NpgsqlDbType.Bigint, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task WriteMeasuresAsync(NpgsqlBinaryImporter copy, ImageMeasures? measures, CancellationToken cancellationToken)
    {
        await WriteAsync(copy, measures?.QualityFlags, NpgsqlDbType.Smallint, cancellationToken);
        await WriteAsync(copy, measures?.Sharpness, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.Highlights, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.BurntShare, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.BlankShare, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.Likeness, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.JpegQuality, NpgsqlDbType.Smallint, cancellationToken);
        await WriteAsync(copy, measures?.JpegTables, NpgsqlDbType.Bigint, cancellationToken);
        await WriteAsync(copy, measures?.Subsampling, NpgsqlDbType.Smallint, cancellationToken);
        await WriteAsync(copy, measures?.CornerBrightness, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.DarkCorners, NpgsqlDbType.Real, cancellationToken);
        await WriteAsync(copy, measures?.DarkSides, NpgsqlDbType.Real, cancellationToken);
    }

    private static Task WriteAsync<T>(NpgsqlBinaryImporter copy, T? value, NpgsqlDbType type, CancellationToken cancellationToken)
        where T : struct => value is { } present ? copy.WriteAsync(present, type, cancellationToken) : copy.WriteNullAsync(cancellationToken);

    private static Task WriteAsync(NpgsqlBinaryImporter copy, string? value, NpgsqlDbType type, CancellationToken cancellationToken) =>
        value is not null ? copy.WriteAsync(value, type, cancellationToken) : copy.WriteNullAsync(cancellationToken);
}
