using Grpc.Core;
using Npgsql;

namespace Melanoma.Ingestion.Forgetting;

/// <summary>
/// A patient's pseudonym where it means one person: two hospitals may both count from 1, so it holds within a source only, or within a kind of table where
/// the rows say no source.
/// </summary>
/// <param name="PatientId">The pseudonym.</param>
/// <param name="Source">The source as the rows say it, or the table's name where they say none.</param>
internal sealed record PatientScope(string PatientId, string Source)
{
    /// <summary>The condition on a row of metadata_rows. $1: the pseudonym. $2: the source.</summary>
    public const string Rows = "metadata_rows.patient_id = $1 AND coalesce(metadata_rows.source, metadata_rows.table_name) = $2";

    private const int NamedAtMost = 20;

    private const string Places = "SELECT DISTINCT table_name, source FROM metadata_rows WHERE patient_id = $1 ORDER BY 1, 2";

    /// <summary>Who is meant.</summary>
    /// <param name="connection">The connection whose transaction holds the catalogue's lock.</param>
    /// <param name="patientId">The pseudonym.</param>
    /// <param name="source">The source that was named; null for the only one.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <exception cref="RpcException">NOT_FOUND: nobody is. FAILED_PRECONDITION: no source is named, and several people may be meant.</exception>
    public static async Task<PatientScope> FindAsync(NpgsqlConnection connection, string patientId, string? source, CancellationToken cancellationToken)
    {
        var places = new List<(string Table, string? Source)>();
        await using (var command = new NpgsqlCommand(Places, connection) { CommandTimeout = 0, Parameters = { new() { Value = patientId } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                places.Add((rows.GetString(0), rows.IsDBNull(1) ? null : rows.GetString(1)));
        }

        if (places.Count == 0)
            throw Refuse(StatusCode.NotFound, "No table names this patient; once forgotten, a patient's pseudonym is not known any more.");
        if (source is not null && !places.Exists(place => NameOf(place) == source))
            throw Refuse(StatusCode.NotFound, $"No row of source '{source}' names this patient. It stands in: {Say(places)}.");
        if (source is null && places.Count > 1)
        {
            throw Refuse(
                StatusCode.FailedPrecondition,
                $"This pseudonym may be that of several people, nothing was forgotten; name the source as well. It stands in: {Say(places)}.");
        }

        return new PatientScope(patientId, source ?? NameOf(places[0]));
    }

    private static string NameOf((string Table, string? Source) place) => place.Source ?? place.Table;

    private static string Say(List<(string Table, string? Source)> places) =>
        string.Join(", ", places.Take(NamedAtMost).Select(Say)) + (places.Count > NamedAtMost ? $" and {places.Count - NamedAtMost} more" : "");

    private static string Say((string Table, string? Source) place) =>
        place.Source is null ? $"source '{place.Table}' (rows of that table without a source)" : $"source '{place.Source}' ({place.Table})";

    private static RpcException Refuse(StatusCode code, string detail) => new(new Status(code, detail));
}
