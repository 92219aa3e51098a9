using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;

namespace Melanoma.Ingestion.Datasets;

/// <summary>
/// What is known of the content of a dataset beyond the content itself. A table that says more of the same images makes another dataset, because an old one
/// would go on with shortcuts and warnings that no longer hold.
/// </summary>
/// <param name="Shortcuts">How far the classes can be told without medicine; null in a reproduction.</param>
/// <param name="Hash">SHA-256 over licences, shortcuts and warnings; empty in a reproduction.</param>
internal sealed record DatasetFacts(DatasetShortcuts? Shortcuts, byte[] Hash)
{
    /// <summary>What is known of a reproduction.</summary>
    public static DatasetFacts None { get; } = new(null, []);

    /// <summary>Analyses what an honest dataset is to hold.</summary>
    public static async Task<DatasetFacts> ReadAsync(NpgsqlConnection connection, SnapshotContent content, CancellationToken cancellationToken)
    {
        var shortcuts = await DatasetShortcuts.AnalyseAsync(connection, content.Rows, cancellationToken);
        var hash = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes<object?[]>([content.Licences, shortcuts.Json, shortcuts.Warnings]));
        return new DatasetFacts(shortcuts, hash);
    }
}
