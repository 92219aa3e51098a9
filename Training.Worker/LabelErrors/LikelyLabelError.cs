using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>A claim and how likely it is wrong.</summary>
/// <param name="Image">The picture, as in <see cref="LabelledEmbedding.Image"/>.</param>
/// <param name="Claim">The label in question, one of the picture's claims.</param>
/// <param name="Score">Probability that the claim is wrong, 0 to 1, under the assumptions of <see cref="LabelErrorOptions"/>.</param>
/// <param name="Suggested">The likeliest diagnosis of the lesion if the claim is wrong.</param>
/// <param name="ModelProbability">What the model, trained on other lesions, gives the claim: 0 to 1.</param>
/// <param name="IsDisputed">Whether the same picture or another of the lesion carries a label that excludes this one.</param>
/// <param name="Evidence">Why, in a sentence or two for the data team.</param>
internal sealed record LikelyLabelError(
    string Image, DiagnosisSet Claim, double Score, Diagnosis Suggested, double ModelProbability, bool IsDisputed, string Evidence);
