using System.Collections.Frozen;
using System.Collections.Immutable;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Tables;

/// <summary>The words of one source for diagnoses, each with the diagnoses of ours that it leaves open. Case does not matter.</summary>
/// <param name="Title">What the words are, for the document.</param>
/// <param name="Words">Every word once; a set is never finer than the word.</param>
internal sealed record Vocabulary(string Title, ImmutableArray<(string Word, DiagnosisSet Diagnoses)> Words)
{
    private readonly FrozenDictionary<string, DiagnosisSet> _sets =
        Words.ToFrozenDictionary(entry => entry.Word, entry => entry.Diagnoses, StringComparer.OrdinalIgnoreCase);

    /// <summary>The diagnoses of a word; null for a word that is not in the vocabulary.</summary>
    public DiagnosisSet? Find(string word) => _sets.TryGetValue(word, out var diagnoses) ? diagnoses : null;
}
