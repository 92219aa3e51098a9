using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Artefacts;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;
using Melanoma.Training.Onnx;
using Melanoma.Training.Recipes;

namespace Melanoma.Training.Runs;

/// <summary>What a report says of the run that it is about.</summary>
/// <param name="TestLooks">How often these test lesions had been looked at, this time counted; 0 where nobody counts.</param>
/// <param name="Views">How many turned and mirrored views of a picture the model looks at and averages, 1 or 8.</param>
internal sealed record RunFacts(
    string Recipe, int RecipeVersion, int DatasetId, DatasetKind DatasetKind, int Epochs, int Seed, int Views, int TestLooks,
    IReadOnlyList<string> DatasetWarnings, IReadOnlyList<LicenceCount> Licences);

/// <summary>Makes the model and its report of a trained network.</summary>
internal static class TrainedModel
{
    private const int ParityPictures = 8;

    /// <summary>Fits what is fitted on validation, looks once at test, and exports.</summary>
    /// <param name="epochs">The figures of the epochs, as far as they are known.</param>
    /// <param name="frozen">What the network said before it was trained; null if that was nothing.</param>
    /// <param name="mayServeEightBits">False where the file in full precision answers whatever is measured.</param>
    /// <returns>The ONNX files and the report.</returns>
    /// <exception cref="ParityException">The exported graph does not say what the trained network says.</exception>
    public static (VersionFiles Files, ModelReport Report) Make(RunFacts facts, TrainingRecipe recipe, Trainer trainer, TrainingData data, IReadOnlyList<EpochReport> epochs, FrozenBaseline? frozen = null, bool mayServeEightBits = true)
    {
        var bare = trainer.Rule;
        var (validationLogits, validationEmbeddings) = Seen(data.Validation);
        var rule = bare with { Temperature = TemperatureScaling.Fit(bare, trainer.Prior, validationLogits, data.Validation) };
        var validation = Judgement.Of(rule, trainer.Prior, validationLogits, data.Validation);
        var points = validation.ChooseOperatingPoints();
        var validationFigures = validation.Figures(Judgement.Of(bare, trainer.Prior, validationLogits, data.Validation), points, facts.Seed) with
        {
            Ham10000 = Judgement.Of(rule, trainer.Prior, validationLogits, data.Validation, ClassVocabulary.Ham10000).VocabularyFigures(facts.Seed),
        };

        var distribution = TrainingDistribution.Fit(Seen(data.SomeTrained(TrainingDistribution.Pictures)).Embeddings, validationEmbeddings);

        // Everything is chosen: now the one look at the test split.
        SplitFigures? test = null;
        if (data.Test.Length > 0)
        {
            var looks = Looks(data.Test, SquareSymmetry.Count);
            var logits = ViewBatches.Mean(looks[..facts.Views]);

            // The eight views of a turned picture are the same eight: their mean is the one answer that such a model has for all of them.
            var flips = Judgement.FlipRate(rule, trainer.Prior, facts.Views == 1 ? looks : [logits], data.Test, facts.Seed);
            test = Judgement.Of(rule, trainer.Prior, logits, data.Test).Figures(Judgement.Of(bare, trainer.Prior, logits, data.Test), points, facts.Seed) with
            {
                Ham10000 = Judgement.Of(rule, trainer.Prior, logits, data.Test, ClassVocabulary.Ham10000).VocabularyFigures(facts.Seed),
                FlipRate = flips?.Rate,
                FlipRateInterval = flips?.Interval,
            };
        }

        var baselines = Baselines.Of(data, facts.Seed, frozen);
        var unsupported = rule.Unsupported;
        var properties = new ModelProperties(
            recipe.Network.InputSize, facts.Recipe, facts.RecipeVersion, facts.DatasetId, RunLedger.Text(facts.DatasetKind),
            trainer.Prior, rule.Temperature, points, unsupported, recipe.Network.HasActivationMap, facts.Views, distribution.Limit);
        var model = OnnxExporter.Export(recipe.Network, trainer.Network.Weights(), rule, properties.ToMetadata(), facts.Views, distribution);
        var parity = ParityCheck.Require(trainer.Network, rule, model, Pictures(data), facts.Views);
        var (files, artefacts) = VersionFiles.Make(model, data, mayServeEightBits);
        var leaky = facts.DatasetKind == DatasetKind.Reproduction;
        return (files, new ModelReport
        {
            Recipe = facts.Recipe,
            RecipeVersion = facts.RecipeVersion,
            DatasetId = facts.DatasetId,
            Protocol = leaky ? "leaky" : "honest",
            Epochs = facts.Epochs,
            KeptEpoch = trainer.KeptEpoch,
            EpochCurve = epochs,
            Seed = facts.Seed,
            Parameters = recipe.Network.ParameterCount,
            ClassesBefore = data.ClassesBefore,
            ClassesAfter = data.ClassesAfter,
            Validation = validationFigures,
            Test = test,
            TestLooks = facts.TestLooks,
            ClassPrior = trainer.Prior,
            Temperature = rule.Temperature,
            Views = facts.Views,
            OperatingPoints = points,
            Unsupported = [.. unsupported.Members.Select(Diagnoses.NameOf)],
            ParityDifference = parity,
            Artefacts = artefacts,
            Baselines = baselines,
            Findings =
            [
                .. Findings.Of(epochs.FirstOrDefault(epoch => epoch.Epoch == trainer.KeptEpoch), validationFigures, test, leaky), .. Findings.OfTest(test, baselines),
            ],
            DatasetWarnings = facts.DatasetWarnings,
            Licences = facts.Licences,
        });

        float[][] Looks(IReadOnlyList<Sample> samples, int views) => [.. Enumerable.Range(0, views).Select(view => trainer.Logits(samples, view))];

        // As the model will see them: the means over its views.
        (float[] Logits, float[][] Embeddings) Seen(IReadOnlyList<Sample> samples)
        {
            var answers = Enumerable.Range(0, facts.Views).Select(view => trainer.Ask(samples, view)).ToArray();
            return (
                ViewBatches.Mean([.. answers.Select(answer => answer.Logits)]),
                [.. samples.Select((_, i) => ViewBatches.Mean([.. answers.Select(answer => answer.Embeddings[i])]))]);
        }
    }

    private static byte[] Pictures(TrainingData data)
    {
        var chosen = data.Validation.Take(ParityPictures).ToArray();
        var pixels = new byte[chosen.Length * data.Images.BytesPerImage];
        for (var i = 0; i < chosen.Length; i++)
        {
            data.Images[chosen[i].Image].CopyTo(pixels.AsSpan(i * data.Images.BytesPerImage));
        }

        return pixels;
    }
}
