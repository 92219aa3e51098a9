using Npgsql;

namespace Melanoma.Ingestion.Forgetting;

/// <summary>What tables say of the person on forgotten images. The catalogue's lock must be held.</summary>
internal static class PersonalFacts
{
    private const string Blank = "patient_id = NULL, age_years = NULL, sex = NULL, site = NULL, skin_tone = NULL";

    private const string OfImages = $"UPDATE images SET {Blank} WHERE id = ANY($1)";

    private const string OfPatient = $"UPDATE metadata_rows SET {Blank} WHERE {PatientScope.Rows}";

    // An id that another, remembered image has as well keeps its facts: they are that image's.
    private const string OfIds = $"""
        UPDATE metadata_rows SET {Blank} WHERE isic_id IN (
            SELECT isic_id FROM image_isic_ids JOIN images ON images.id = image_id WHERE isic_id = ANY($1)
            GROUP BY isic_id HAVING bool_and(forgotten_at IS NOT NULL))
        """;

    private const string IdsOfImages = "SELECT DISTINCT isic_id::text FROM image_isic_ids WHERE image_id = ANY($1)";

    /// <summary>Blanks the facts of forgotten images, and those in the rows of their ids.</summary>
    public static async Task BlankImagesAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, OfImages, cancellationToken, images);
        var ids = new List<string>();
        await using (var command = new NpgsqlCommand(IdsOfImages, connection) { Parameters = { new() { Value = images } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                ids.Add(rows.GetString(0));
        }

        await BlankIdsAsync(connection, [.. ids], cancellationToken);
    }

    /// <summary>Blanks the facts in the rows of those ISIC ids whose images were all forgotten: a table that comes again must not bring them back.</summary>
    public static Task BlankIdsAsync(NpgsqlConnection connection, string[] isicIds, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, OfIds, cancellationToken, [isicIds]);

    /// <summary>Blanks the facts in every row of a patient.</summary>
    public static Task BlankPatientAsync(NpgsqlConnection connection, PatientScope patient, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, OfPatient, cancellationToken, patient.PatientId, patient.Source);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
