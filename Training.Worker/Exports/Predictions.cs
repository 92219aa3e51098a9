using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Training.Images;
using Melanoma.Training.Loop;

namespace Melanoma.Training.Exports;

/// <summary>What a trained network says of the pictures that it was not trained on.</summary>
internal static class Predictions
{
    /// <summary>
    /// Writes a line for each picture of the splits and each of its eight turned and mirrored views: <c>sha256,view,</c> and nine logits without prior
    /// or temperature, in the order of the diagnoses. The first line has <c>prior</c> for the hash and the training lesions' class shares for the logits.
    /// </summary>
    public static bool Write(string path, Trainer trainer, IReadOnlyList<Sample[]> splits, IReadOnlyList<ExportedImage> images)
    {
        using var writer = new StreamWriter(path);
        writer.WriteLine($"prior,0,{Numbers(trainer.Prior)}");
        foreach (var samples in splits)
        {
            for (var view = 0; view < SquareSymmetry.Count; view++)
            {
                var logits = trainer.Logits(samples, view);
                for (var i = 0; i < samples.Length; i++)
                {
                    var row = logits.AsSpan(i * Diagnoses.Count, Diagnoses.Count).ToArray();
                    writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{images[samples[i].Image].Sha256},{view},{Numbers(row.Select(logit => (double)logit))}"));
                }
            }
        }

        return true;
    }

    private static string Numbers(IEnumerable<double> numbers) => string.Join(',', numbers.Select(number => number.ToString("g7", CultureInfo.InvariantCulture)));
}
