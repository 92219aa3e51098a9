using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>A picture with what is claimed of it.</summary>
/// <param name="Image">Id of the picture: of its content, so that equal bytes under two labels are one row with two claims.</param>
/// <param name="Group">Id of its lesion: pictures of one group are held to show one lesion, which has one diagnosis.</param>
/// <param name="Claims">The sets of diagnoses that are claimed; each is judged by itself. Without any, the row only lends its picture to the group.</param>
/// <param name="Embedding">What a network sees in it: numbers of one length for all rows; those of several networks may be put one behind another.</param>
internal sealed record LabelledEmbedding(string Image, string Group, IReadOnlyList<DiagnosisSet> Claims, float[] Embedding);
