using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Contracts.V1;
using Melanoma.Inference.Models;

namespace Melanoma.Inference.Classification;

/// <summary>An answer as callers get it.</summary>
internal static class AnswerMessage
{
    /// <summary>The length of <see cref="ClassifyResponse.Top"/> when the question does not say.</summary>
    public const int DefaultTop = 3;

    /// <summary>What every answer may be used for.</summary>
    public const string Notice = "For research, not a medical device.";

    private const string HonestKind = "honest";
    private const string LeakyNotice = Notice + " This version was trained by the leaky protocol, which serves comparisons alone.";

    /// <param name="row">The audit row of the answer.</param>
    /// <param name="answer">What the model said.</param>
    /// <param name="reasons">Why the decision is indeterminate; none otherwise.</param>
    /// <param name="model">The model.</param>
    /// <param name="top">How many of the likeliest diagnoses are named, 1 to 9.</param>
    public static ClassifyResponse Of(Storage.Predictions.Prediction row, ModelAnswer answer, IReadOnlyList<Reason> reasons, LoadedModel model, int top)
    {
        var properties = model.Properties;
        var message = new ClassifyResponse
        {
            Diagnosis = Diagnoses.NameOf(row.Diagnosis),
            MelanomaProbability = row.Probabilities[(int)Diagnosis.Melanoma],
            MalignancyProbability = Malignancy(row.Probabilities),
            Decision = Probabilities.ToMessage(row.Decision),
            ModelVersion = row.ModelVersion.ToString(CultureInfo.InvariantCulture),
            Artefact = properties.Precision,
            ExecutionProvider = row.ExecutionProvider,
            PredictionId = row.Id.ToString(),
            Quality = Quality(answer, properties),
            Notice = NoticeOf(properties.DatasetKind == HonestKind),
        };
        message.Probabilities.AddRange(Probabilities.ToMessages(row.Probabilities));
        message.Top.AddRange(message.Probabilities.OrderByDescending(probability => probability.Probability).Take(top));
        message.MalignantDiagnoses.AddRange(Diagnoses.Malignant.Members.Select(Diagnoses.NameOf));
        message.Reasons.AddRange(reasons);
        if (properties.OperatingPoints is { } points)
        {
            message.OperatingPoints = new Contracts.V1.OperatingPoints { T95 = points.T95, T90 = points.T90 };
        }

        if (answer.Views is { } views)
        {
            message.Consistency = Consistency(views, row.Diagnosis, properties);
        }

        if (properties.DatasetId != ModelProperties.NoDataset)
        {
            message.Dataset = properties.DatasetId.ToString(CultureInfo.InvariantCulture);
        }

        return message;
    }

    /// <summary>What an answer may be used for.</summary>
    /// <param name="isHonest">Whether the version was trained by the honest protocol.</param>
    public static string NoticeOf(bool isHonest) => isHonest ? Notice : LeakyNotice;

    /// <summary>The probability of any malignant diagnosis.</summary>
    /// <param name="probabilities">All nine, in index order.</param>
    public static double Malignancy(double[] probabilities) => Diagnoses.Malignant.Members.Sum(diagnosis => probabilities[(int)diagnosis]);

    private static Consistency Consistency(double[][] views, Diagnosis answer, ModelProperties properties)
    {
        var diagnoses = Array.ConvertAll(views, view => DiagnosisRule.Decide(view, properties.ClassPrior, properties.Unsupported));
        var consistency = new Consistency
        {
            Share = diagnoses.Count(diagnosis => diagnosis == answer) / (double)views.Length,
            LowestMelanomaProbability = views.Min(view => view[(int)Diagnosis.Melanoma]),
            HighestMelanomaProbability = views.Max(view => view[(int)Diagnosis.Melanoma]),
        };
        consistency.Diagnoses.AddRange(diagnoses.Select(Diagnoses.NameOf));
        return consistency;
    }

    private static PictureQuality Quality(ModelAnswer answer, ModelProperties properties)
    {
        var quality = new PictureQuality
        {
            Width = answer.Width,
            Height = answer.Height,
            Sharpness = answer.Quality.Sharpness,
            Highlights = answer.Quality.Highlights,
            BurntShare = answer.Quality.BurntShare,
            BlankShare = answer.Quality.BlankShare,
            Likeness = answer.Quality.Likeness,
        };
        if ((answer.Distance, properties.DistanceLimit) is ({ } distance, { } limit))
        {
            (quality.Distance, quality.DistanceLimit) = (distance, limit);
        }

        return quality;
    }
}
