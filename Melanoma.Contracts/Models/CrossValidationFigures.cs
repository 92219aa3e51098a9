using System.Text.Json;

namespace Melanoma.Contracts.Models;

/// <summary>
/// What the networks of a cross-validation say of the images that they were not trained on. Nothing was chosen on these, and no temperature was fitted. Stored as
/// JSON: the training worker writes it, everybody may read it.
/// </summary>
/// <param name="Folds">One for each fold, in their order.</param>
/// <param name="All">All images together, each judged by the network that had not seen its lesion.</param>
public sealed record CrossValidationFigures(IReadOnlyList<FoldFigures> Folds, FoldFigures All)
{
    /// <summary>The figures as they are stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);

    /// <summary>Reads stored figures.</summary>
    /// <exception cref="JsonException">The text is something else.</exception>
    public static CrossValidationFigures FromJson(string json) =>
        JsonSerializer.Deserialize<CrossValidationFigures>(json, JsonSerializerOptions.Web) ?? throw new JsonException("The figures are null.");
}

/// <summary>How well the images of a fold are told, or of all.</summary>
/// <param name="Fold">Counted from 0; null for all.</param>
/// <param name="Diagnoses">In the nine diagnoses: images whose label names several are left out.</param>
/// <param name="Ham10000">In the seven classes of HAM10000, in which coarse labels count.</param>
public sealed record FoldFigures(int? Fold, VocabularyFigures Diagnoses, VocabularyFigures Ham10000);
