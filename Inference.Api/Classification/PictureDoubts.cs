using System.Globalization;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Imaging;
using Melanoma.Inference.Models;

namespace Melanoma.Inference.Classification;

/// <summary>Why a picture deserves no decision: what is doubtful about it, or that the model has never seen the like.</summary>
internal static class PictureDoubts
{
    private const string Unfamiliar = "unfamiliar";
    private const string NoOperatingPoint = "no-operating-point";

    /// <summary>The reasons for <see cref="Contracts.Models.Decision.Indeterminate"/>; none where the picture can be decided.</summary>
    public static IReadOnlyList<Reason> Of(ModelAnswer answer, ModelProperties model)
    {
        var reasons = QualityFinding.Of(answer.Quality, answer.Width, answer.Height)
            .Select(finding => new Reason { Code = QualityWords.Of(finding.Flag).Single(), Message = finding.Sentence }).ToList();
        if ((answer.Distance, model.DistanceLimit) is ({ } distance, { } limit) && DecisionRule.IsUnfamiliar(distance, limit))
        {
            var sentence = string.Create(
                CultureInfo.InvariantCulture, $"Unlike the pictures that the model was trained on: distance {distance:0.00}; at most {limit:0.00} is expected.");
            reasons.Add(new Reason { Code = Unfamiliar, Message = sentence });
        }

        if (model.OperatingPoints is null)
        {
            reasons.Add(new Reason { Code = NoOperatingPoint, Message = "This version has no operating points: its validation had no melanoma to choose them by." });
        }

        return reasons;
    }
}
