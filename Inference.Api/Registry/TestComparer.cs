using System.Data;
using System.Text.Json;
using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Inference.Models;
using Melanoma.Storage.Models;
using Npgsql;

namespace Melanoma.Inference.Registry;

/// <summary>
/// Compares two models on the same test images: by their reports where both were trained on one dataset whose lesions are
/// still apart, else by asking both here, on the newer dataset's test images of lesions that neither was trained or chosen on. The bundled model's own
/// pictures are recognised by their bytes.
/// </summary>
internal sealed partial class TestComparer(NpgsqlDataSource dataSource, ModelHost models, ILogger<TestComparer> logger)
{
    /// <summary>Asks the models where their reports do not speak of the same images.</summary>
    /// <param name="candidate">The candidate's row.</param>
    /// <param name="model">The candidate, loaded.</param>
    /// <param name="production">The row of the version in production.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <exception cref="Grpc.Core.RpcException">The version in production cannot be served.</exception>
    public async Task<TestComparison> CompareAsync(ModelVersion candidate, LoadedModel model, ModelVersion production, CancellationToken cancellationToken)
    {
        if (candidate.DatasetId is { } dataset && dataset == production.DatasetId && TestFigures(candidate) is { } ours && TestFigures(production) is { } theirs && ours.Images == theirs.Images
            && !await HasDividedGroupAsync(dataset, cancellationToken))
        {
            return new TestComparison(ours.Images, ours.BalancedAccuracy, theirs.BalancedAccuracy);
        }

        using var second = await models.LeaseAsync(production.Version, cancellationToken);
        return await AskBothAsync(model, second.Model, candidate.DatasetId ?? production.DatasetId, production.DatasetId ?? candidate.DatasetId, cancellationToken);
    }

    public static SplitFigures? TestFigures(ModelVersion model)
    {
        try
        {
            return ModelReport.FromJson(model.Report).Test;
        }
        catch (JsonException)
        {
            // A report of another time has no figures to compare; the images are still there to ask.
            return null;
        }
    }

    // By the groups as they are now: two lesions that later turned out to be one may lie in training and in test.
    private async Task<bool> HasDividedGroupAsync(int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("""
            SELECT EXISTS (
                SELECT 1 FROM dataset_items d JOIN images i ON i.id = d.image_id
                WHERE d.dataset_id = $1 GROUP BY i.group_id HAVING count(DISTINCT d.split) > 1)
            """);
        command.Parameters.Add(new() { Value = datasetId });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task<TestComparison> AskBothAsync(LoadedModel candidate, LoadedModel production, int? datasetA, int? datasetB, CancellationToken cancellationToken)
    {
        var (candidateScore, productionScore) = (new Score(), new Score());
        if (datasetA is not { } first || datasetB is not { } second)
        {
            // Two models from elsewhere: no test images of this installation are theirs.
            return new TestComparison(0, 0, 0);
        }

        await using var command = dataSource.CreateCommand("""
            SELECT d.label, c.bytes
            FROM dataset_items d JOIN images i ON i.id = d.image_id JOIN image_contents c ON c.image_id = d.image_id
            WHERE d.dataset_id = $1 AND d.split = 'test' AND NOT EXISTS (
                SELECT 1 FROM dataset_items seen JOIN images s ON s.id = seen.image_id
                WHERE seen.dataset_id IN ($1, $2) AND seen.split <> 'test' AND s.group_id = i.group_id)
            AND NOT EXISTS (
                SELECT 1 FROM bundled_model_images seen JOIN images s ON s.sha256 = seen.sha256
                WHERE seen.version IN ($3, $4) AND s.group_id = i.group_id)
            ORDER BY d.ordinal
            """);
        command.CommandTimeout = 600;
        command.Parameters.Add(new() { Value = Math.Max(first, second) });
        command.Parameters.Add(new() { Value = Math.Min(first, second) });
        command.Parameters.Add(new() { Value = candidate.Version });
        command.Parameters.Add(new() { Value = production.Version });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var label = new DiagnosisSet(reader.GetInt16(0));
            var image = await reader.GetFieldValueAsync<byte[]>(1, cancellationToken);
            if (label.Count == 1)
            {
                candidateScore.Add(candidate, image, label.Sole, cancellationToken);
                productionScore.Add(production, image, label.Sole, cancellationToken);
            }
        }

        LogCompared(candidate.Version, production.Version, candidateScore.Images);
        return new TestComparison(candidateScore.Images, candidateScore.BalancedAccuracy, productionScore.BalancedAccuracy);
    }

    private sealed class Score
    {
        private readonly long[] _right = new long[Diagnoses.Count];
        private readonly long[] _images = new long[Diagnoses.Count];

        public int Images => (int)_images.Sum();

        public double BalancedAccuracy => DiagnosisRule.BalancedAccuracy(_right, _images);

        public void Add(LoadedModel model, byte[] image, Diagnosis truth, CancellationToken cancellationToken)
        {
            Span<double> probabilities = stackalloc double[Diagnoses.Count];
            if (model.Classify(image, probabilities, cancellationToken) is not null)
            {
                return;
            }

            _images[(int)truth]++;
            _right[(int)truth] += DiagnosisRule.Decide(probabilities, model.Properties.ClassPrior, model.Properties.Unsupported) == truth ? 1 : 0;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Model version {Candidate} was compared with {Production} on {Images} test images")]
    private partial void LogCompared(int candidate, int production, int images);
}
