using Npgsql;

namespace Melanoma.Ingestion.Tables;

/// <summary>Brings the facts of catalogued images in step with what tables say of their ids. The catalogue's lock must be held.</summary>
internal static class ImageFactsWriter
{
    private const string IdsOfImages = "SELECT image_id, isic_id FROM image_isic_ids WHERE image_id = ANY($1)";

    private const string Update = """
        UPDATE images SET licence = fact.licence, attribution = fact.attribution, source = fact.source, age_years = fact.age_years,
            sex = fact.sex, site = fact.site, skin_tone = fact.skin_tone, patient_id = fact.patient_id
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::text[])
            AS fact (id, licence, attribution, source, age_years, sex, site, skin_tone, patient_id)
        WHERE images.id = fact.id AND forgotten_at IS NULL
        """;

    /// <summary>Works out the facts of images anew.</summary>
    public static async Task RefreshAsync(NpgsqlConnection connection, Guid[] images, CancellationToken cancellationToken)
    {
        if (images.Length == 0)
            return;
        var ids = new List<(Guid Image, string IsicId)>();
        await using (var command = new NpgsqlCommand(IdsOfImages, connection) { Parameters = { new() { Value = images } } })
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                ids.Add((reader.GetGuid(0), reader.GetString(1)));
        }

        var rows = await MetadataRows.ReadAsync(connection, [.. ids.Select(id => id.IsicId).Distinct()], cancellationToken);
        var facts = ids.GroupBy(id => id.Image).Select(image => (Id: image.Key, Facts: ImageFacts.From(image.SelectMany(id => rows[id.IsicId])))).ToList();
        await using var update = new NpgsqlCommand(Update, connection)
        {
            Parameters =
            {
                new() { Value = facts.Select(image => image.Id).ToArray() },
                new() { Value = facts.Select(image => image.Facts.Licence).ToArray() },
                new() { Value = facts.Select(image => image.Facts.Attribution).ToArray() },
                new() { Value = facts.Select(image => image.Facts.Source).ToArray() },
                new() { Value = facts.Select(image => image.Facts.AgeYears).ToArray() },
                new() { Value = facts.Select(image => image.Facts.Sex).ToArray() },
                new() { Value = facts.Select(image => image.Facts.Site).ToArray() },
                new() { Value = facts.Select(image => image.Facts.SkinTone).ToArray() },
                new() { Value = facts.Select(image => image.Facts.PatientId).ToArray() },
            },
        };
        await update.ExecuteNonQueryAsync(cancellationToken);
    }
}
