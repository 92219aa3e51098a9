using Melanoma.Contracts;

namespace Melanoma.Training.LabelErrors;

/// <summary>An image of a dataset with what is claimed of it.</summary>
/// <param name="Row">As it is judged.</param>
/// <param name="Label">Its label in the dataset.</param>
/// <param name="IsReviewed">Whether a reviewer has decided about its lesion: then it lends picture and label to the model, and nobody is asked again.</param>
internal sealed record ClaimedImage(LabelledEmbedding Row, DiagnosisSet Label, bool IsReviewed)
{
    /// <summary>Whether an error in this claim would be news: a claim that the label excludes was overruled already.</summary>
    public bool MayAskAbout(DiagnosisSet claim) => !IsReviewed && claim.Meets(Label);
}
