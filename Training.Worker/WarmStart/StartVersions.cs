using Melanoma.Storage.Datasets;
using Melanoma.Training.Images;
using Melanoma.Training.Networks;
using Melanoma.Training.Runs;
using Npgsql;

namespace Melanoma.Training.WarmStart;

/// <summary>The model versions that runs start from: their weights, and what they have seen.</summary>
internal sealed class StartVersions(NpgsqlDataSource dataSource)
{
    /// <summary>How many training pictures the statistics of normalisations are taken of.</summary>
    private const int Pictures = 256;

    /// <summary>The weights of a version in the slots of a network, with which it gives the version's answers.</summary>
    /// <param name="version">The version.</param>
    /// <param name="kind">The kind of the dataset that is trained on.</param>
    /// <param name="data">What is trained on.</param>
    /// <exception cref="UnusableStartException">The version has another network, or may not be started from.</exception>
    public async Task<Dictionary<string, Weight>> WeightsAsync(
        int version, DatasetKind kind, NetworkDescription network, TrainingData data, CancellationToken cancellationToken)
    {
        var model = await ReadAsync(version, kind, cancellationToken);
        try
        {
            return await Task.Run(
                () =>
                {
                    var weights = FoldedWeights.Read(network, model);
                    int[] places = [.. data.SomeOriginals(Pictures).Take(Pictures).Select(sample => sample.Image)];
                    FoldedWeights.Unfold(network, weights, data.Images, places, cancellationToken);
                    return weights;
                },
                cancellationToken);
        }
        catch (InvalidDataException exception)
        {
            throw new UnusableStartException($"No run can start from model version {version}. {exception.Message}");
        }
    }

    /// <summary>What a version has seen of the lesions that a dataset keeps from training, by the lesion groups as they are now.</summary>
    /// <returns>
    /// The places of test images of which it has seen the lesion, how many lesions these are, and how many lesions of validation a model was trained or chosen on that was made elsewhere
    /// and that the version is, or comes from. Models of this installation were never trained on validation.
    /// </returns>
    public async Task<(IReadOnlySet<int> Test, int TestLesions, int ValidationLesions)> SeenAsync(int version, int datasetId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            WITH RECURSIVE line AS (
                SELECT version, run_id FROM model_versions WHERE version = @version
                UNION
                SELECT v.version, v.run_id FROM line JOIN runs r ON r.id = line.run_id JOIN model_versions v ON v.version = r.start_version
            ), seen AS (
                SELECT i.group_id, bool_or(line.run_id IS NULL) AS elsewhere
                FROM line JOIN model_training_images t USING (version) JOIN images i USING (sha256) GROUP BY i.group_id
            )
            SELECT d.ordinal, d.split, i.group_id
            FROM dataset_items d JOIN images i ON i.id = d.image_id JOIN seen ON seen.group_id = i.group_id
            WHERE d.dataset_id = @dataset AND (d.split = 'test' OR (d.split = 'validation' AND seen.elsewhere))
            """);
        command.CommandTimeout = ModelRows.LongTimeout;
        command.Parameters.AddWithValue("version", version);
        command.Parameters.AddWithValue("dataset", datasetId);
        var (places, test, validation) = (new HashSet<int>(), new HashSet<Guid>(), new HashSet<Guid>());
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (reader.GetString(1) == "test")
            {
                places.Add(reader.GetInt32(0));
                test.Add(reader.GetGuid(2));
            }
            else
            {
                validation.Add(reader.GetGuid(2));
            }
        }

        return (places, test.Count, validation.Count);
    }

    /// <summary>The file of a version that a run on a dataset of this kind may start from.</summary>
    private async Task<byte[]> ReadAsync(int version, DatasetKind kind, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT v.dataset_kind, a.bytes FROM model_versions v JOIN model_artefacts a ON a.version = v.version AND a.precision = 'fp32' WHERE v.version = @version");
        command.CommandTimeout = ModelRows.LongTimeout;
        command.Parameters.AddWithValue("version", version);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            throw new UnusableStartException($"There is no model version {version} to start from.");
        }

        // What it has seen of the other splits would be in the new model, and nothing would tell.
        return kind == DatasetKind.Reproduction || reader.GetString(0) != RunLedger.Text(DatasetKind.Reproduction)
            ? await reader.GetFieldValueAsync<byte[]>(1, cancellationToken)
            : throw new UnusableStartException($"Model version {version} is of the leaky protocol; no honest run may start from it.");
    }
}

/// <summary>The run can never start from the version that it names.</summary>
internal sealed class UnusableStartException(string message) : Exception(message);
