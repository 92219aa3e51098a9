using Melanoma.Contracts;
using Melanoma.Ingestion.Forgetting;
using Melanoma.Ingestion.Labels;
using Melanoma.Storage.Catalogue;
using Npgsql;

namespace Melanoma.Ingestion.Tables;

/// <summary>What delivered tables say of ISIC ids, as the database has it. The catalogue's lock must be held.</summary>
internal static class MetadataRows
{
    private const string Columns =
        "isic_id, table_name, delivery_id, diagnoses, rank, lesion_id, patient_id, age_years, sex, site, skin_tone, licence, attribution, source";

    private const string OfIds = $"SELECT {Columns} FROM metadata_rows WHERE isic_id = ANY($1)";

    private const string Upsert = $"""
        INSERT INTO metadata_rows ({Columns})
        SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::smallint[], $5::smallint[], $6::text[], $7::text[], $8::smallint[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
        ON CONFLICT (isic_id, table_name) DO UPDATE SET delivery_id = excluded.delivery_id, diagnoses = excluded.diagnoses, rank = excluded.rank,
            lesion_id = excluded.lesion_id, patient_id = excluded.patient_id, age_years = excluded.age_years, sex = excluded.sex, site = excluded.site,
            skin_tone = excluded.skin_tone, licence = excluded.licence, attribution = excluded.attribution, source = excluded.source
        """;

    /// <summary>The rows of some ISIC ids.</summary>
    public static async Task<ILookup<string, MetadataRow>> ReadAsync(NpgsqlConnection connection, string[] isicIds, CancellationToken cancellationToken)
    {
        var found = new List<MetadataRow>();
        if (isicIds.Length > 0)
        {
            await using var command = new NpgsqlCommand(OfIds, connection) { Parameters = { new() { Value = isicIds } } };
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
                found.Add(Map(rows));
        }

        return found.ToLookup(row => row.IsicId, StringComparer.Ordinal);
    }

    /// <summary>Stores rows; one of the same id and kind of table is replaced. No id may stand in them twice.</summary>
    public static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyCollection<MetadataRow> rows, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Upsert, connection)
        {
            Parameters =
            {
                new() { Value = rows.Select(row => row.IsicId).ToArray() },
                new() { Value = rows.Select(row => row.TableName).ToArray() },
                new() { Value = rows.Select(row => row.DeliveryId).ToArray() },
                new() { Value = rows.Select(row => row.Diagnoses?.Bits).ToArray() },
                new() { Value = rows.Select(row => (short)row.Rank).ToArray() },
                new() { Value = rows.Select(row => row.LesionId).ToArray() },
                new() { Value = rows.Select(row => row.PatientId).ToArray() },
                new() { Value = rows.Select(row => row.AgeYears).ToArray() },
                new() { Value = rows.Select(row => row.Sex).ToArray() },
                new() { Value = rows.Select(row => row.Site).ToArray() },
                new() { Value = rows.Select(row => row.SkinTone).ToArray() },
                new() { Value = rows.Select(row => row.Licence).ToArray() },
                new() { Value = rows.Select(row => row.Attribution).ToArray() },
                new() { Value = rows.Select(row => row.Source).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
        await PersonalFacts.BlankIdsAsync(connection, [.. rows.Select(row => row.IsicId)], cancellationToken);
    }

    /// <summary>The claim that a row makes about every image of its id; null when it makes none.</summary>
    public static TableClaim? ClaimOf(MetadataRow row) => row.Diagnoses is { } diagnoses ? new TableClaim(new Claim(row.Rank, diagnoses), row.TableName) : null;

    private static MetadataRow Map(NpgsqlDataReader row) => new()
    {
        IsicId = row.GetString(0),
        TableName = row.GetString(1),
        DeliveryId = row.GetGuid(2),
        Diagnoses = row.IsDBNull(3) ? null : new DiagnosisSet(row.GetInt16(3)),
        Rank = (ClaimRank)row.GetInt16(4),
        LesionId = Text(row, 5),
        PatientId = Text(row, 6),
        AgeYears = row.IsDBNull(7) ? null : row.GetInt16(7),
        Sex = Text(row, 8),
        Site = Text(row, 9),
        SkinTone = Text(row, 10),
        Licence = Text(row, 11),
        Attribution = Text(row, 12),
        Source = Text(row, 13),
    };

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}

/// <summary>A claim with who makes it.</summary>
internal readonly record struct TableClaim(Claim Claim, string ClaimedBy);
