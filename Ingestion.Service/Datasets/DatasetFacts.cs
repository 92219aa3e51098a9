using System.Security.Cryptography;
using System.Text.Json;

namespace Melanoma.Ingestion.Datasets;

/// <summary>
/// What is known of the content of a dataset beyond the content itself. A table that says more of the same images makes another dataset, because an old one
/// would go on with shortcuts and warnings that no longer hold.
/// </summary>
/// <param name="Shortcuts">How far the classes can be told without medicine, as it is stored: <c>melanoma.v1.ShortcutReport</c>; null in a reproduction.</param>
/// <param name="Warnings">Sentences that every report on the dataset carries.</param>
/// <param name="Hash">SHA-256 over licences, shortcuts and warnings; empty in a reproduction.</param>
/// <param name="EvidenceHash">See <see cref="ShortcutEvidence.Hash"/>; null in a reproduction.</param>
internal sealed record DatasetFacts(string? Shortcuts, IReadOnlyList<string> Warnings, byte[] Hash, byte[]? EvidenceHash)
{
    /// <summary>What is known of a reproduction.</summary>
    public static DatasetFacts None { get; } = new(null, [], [], null);

    /// <summary>What is known of a dataset of images.</summary>
    public static DatasetFacts Of(string[]? licences, string shortcuts, IReadOnlyList<string> warnings, byte[] evidenceHash) =>
        new(shortcuts, warnings, SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes<object?[]>([licences, shortcuts, warnings])), evidenceHash);
}
