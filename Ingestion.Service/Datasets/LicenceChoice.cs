using Grpc.Core;
using Melanoma.Ingestion.Tables;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>The licences that a dataset is limited to.</summary>
internal static class LicenceChoice
{
    /// <summary>Stands for the images of which no table says a licence.</summary>
    public const string Unknown = "unknown";

    private const int NamedAtMost = 20;

    private const string Known = "SELECT DISTINCT coalesce(licence, 'unknown') FROM images WHERE forgotten_at IS NULL ORDER BY 1";

    /// <summary>The licences as the catalogue spells them, in ordinal order; null when any will do.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: no image has one of them.</exception>
    public static async Task<string[]?> ResolveAsync(NpgsqlConnection connection, IReadOnlyCollection<string> wanted, CancellationToken cancellationToken)
    {
        if (wanted.Count == 0)
            return null;
        var known = new List<string>();
        await using (var command = new NpgsqlCommand(Known, connection) { CommandTimeout = 0 })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
                known.Add(rows.GetString(0));
        }

        var chosen = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in wanted)
        {
            var spellings = known.FindAll(licence => string.Equals(Normalise(licence), Normalise(name), StringComparison.OrdinalIgnoreCase));
            if (spellings.Count == 0)
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"No image has the licence '{name}'. {SayKnown(known)}"));
            chosen.UnionWith(spellings);
        }

        return [.. chosen];
    }

    /// <summary>A licence as the catalogue spells it: whoever asks may write it in any way in which a table may.</summary>
    public static string Normalise(string licence) => Vocabularies.Licences.GetValueOrDefault(licence.Trim(), licence.Trim());

    /// <summary>The rule in a sentence.</summary>
    public static string Say(string[] licences) =>
        $"Only images under these licences were taken: {string.Join(", ", licences)}{(licences.Contains(Unknown) ? " (unknown: no table says it)" : "")}.";

    private static string SayKnown(List<string> known) => known.Count == 0
        ? "The catalogue has no images."
        : $"The catalogue has: {string.Join(", ", known.Take(NamedAtMost))}{(known.Count > NamedAtMost ? $" and {known.Count - NamedAtMost} more" : "")}.";
}
