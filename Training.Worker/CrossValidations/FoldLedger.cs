using Melanoma.Contracts;
using Melanoma.Contracts.Models;
using Melanoma.Storage.Datasets;
using Melanoma.Training.Evaluation;
using Melanoma.Training.Images;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Training.CrossValidations;

/// <summary>Cross-validations whose runs have all completed become figures, whoever trained the last fold and even if that worker died right afterwards.</summary>
internal sealed class FoldLedger(NpgsqlDataSource dataSource)
{
    // Every fold of the dataset has its run, so as many predictions as runs are all of them.
    private const string Unjudged = """
        SELECT cross_validation_id, min(dataset_id), min(seed) FROM runs LEFT JOIN fold_predictions ON run_id = id
        WHERE cross_validation_id IS NOT NULL AND NOT EXISTS (SELECT FROM cross_validation_reports AS report WHERE report.id = cross_validation_id)
        GROUP BY cross_validation_id HAVING count(*) = count(run_id) ORDER BY 1 LIMIT 1
        """;

    private const string Answers = "SELECT fold, ordinals, probabilities, prior FROM fold_predictions JOIN runs ON id = run_id WHERE cross_validation_id = $1 ORDER BY fold";

    private const string Labels = "SELECT ordinal, label, group_id FROM dataset_items WHERE dataset_id = $1";

    private const string Keep = """
        INSERT INTO cross_validation_reports (id, made_at, report) VALUES ($1, clock_timestamp(), $2) ON CONFLICT DO NOTHING
        """;

    /// <summary>Stores what a run says of the fold that it held out, in the transaction that ends the run.</summary>
    public static async Task StoreAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid runId, FoldAnswers answers, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand("INSERT INTO fold_predictions (run_id, ordinals, probabilities, prior) VALUES ($1, $2, $3, $4)", connection, transaction)
        {
            Parameters = { new() { Value = runId }, new() { Value = answers.Ordinals }, new() { Value = answers.Probabilities }, new() { Value = answers.Prior } },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Makes the figures of one cross-validation whose folds are all there.</summary>
    /// <returns>Its id; null when none waits.</returns>
    public async Task<Guid?> JudgeAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        if (await FindAsync(connection, cancellationToken) is not { } found)
        {
            return null;
        }

        var samples = await SamplesAsync(connection, found.DatasetId, cancellationToken);
        var folds = new List<(int Fold, JudgedPart Part)>();
        await using (var command = new NpgsqlCommand(Answers, connection) { Parameters = { new() { Value = found.Id } } })
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var answers = new FoldAnswers(rows.GetFieldValue<int[]>(1), rows.GetFieldValue<float[]>(2), rows.GetFieldValue<double[]>(3));
                folds.Add((rows.GetInt32(0), answers.Beside([.. answers.Ordinals.Select(ordinal => samples[ordinal])])));
            }
        }

        var figures = await Task.Run(() => Judge(folds, found.Seed), cancellationToken);
        await using var keep = new NpgsqlCommand(Keep, connection)
        {
            Parameters = { new() { Value = found.Id }, new() { Value = figures.ToJson(), NpgsqlDbType = NpgsqlDbType.Jsonb } },
        };
        await keep.ExecuteNonQueryAsync(cancellationToken);
        return found.Id;
    }

    /// <summary>The figures of each fold and of all pictures together.</summary>
    /// <param name="seed">Seed of the draws for the intervals.</param>
    internal static CrossValidationFigures Judge(IReadOnlyList<(int Fold, JudgedPart Part)> folds, long seed)
    {
        return new CrossValidationFigures([.. folds.Select(fold => Of(fold.Fold, fold.Part))], Of(null, [.. folds.Select(fold => fold.Part)]));

        FoldFigures Of(int? fold, params JudgedPart[] parts) => new(
            fold, Judgement.Of(parts, ClassVocabulary.Fine).VocabularyFigures(seed), Judgement.Of(parts, ClassVocabulary.Ham10000).VocabularyFigures(seed));
    }

    private static async Task<(Guid Id, int DatasetId, int Seed)?> FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Unjudged, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? (row.GetGuid(0), row.GetInt32(1), row.GetInt32(2)) : null;
    }

    private static async Task<Dictionary<int, Sample>> SamplesAsync(NpgsqlConnection connection, int datasetId, CancellationToken cancellationToken)
    {
        var samples = new Dictionary<int, Sample>();
        var groups = new Dictionary<Guid, int>();
        await using var command = new NpgsqlCommand(Labels, connection) { Parameters = { new() { Value = datasetId } } };
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var (ordinal, id) = (rows.GetInt32(0), rows.GetGuid(2));
            if (!groups.TryGetValue(id, out var group))
            {
                groups[id] = group = groups.Count;
            }

            samples[ordinal] = new Sample(ordinal, Split.Validation, new DiagnosisSet(rows.GetInt16(1)), group, IsVariant: false);
        }

        return samples;
    }
}
