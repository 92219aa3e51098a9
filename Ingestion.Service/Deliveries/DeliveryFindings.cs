using System.Globalization;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Ingestion.Datasets;
using Melanoma.Storage;
using Melanoma.Storage.Catalogue;
using Npgsql;
using V1 = Melanoma.Contracts.V1;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>What a delivery is told of itself without asking: pictures in two classes, Test pictures that are also in Train, folders that tables overrule.</summary>
internal sealed class DeliveryFindings(NpgsqlDataSource dataSource)
{
    // Pictures of the delivery that lie in several class folders, by the folders.
    private const string TwoFolders = """
        SELECT folders, count(*)::int, count(*) FILTER (WHERE crosses)::int FROM (
            SELECT image_id, bit_or(1 << folder_diagnosis)::smallint AS folders, count(DISTINCT folder_split) > 1 AS crosses
            FROM delivery_files WHERE delivery_id = $1 AND image_id IS NOT NULL AND folder_diagnosis IS NOT NULL GROUP BY image_id) AS pictures
        WHERE folders & (folders - 1) <> 0 GROUP BY folders ORDER BY 2 DESC, folders
        """;

    // The label of the lesion has nothing in common with the folder.
    private const string Overruled = """
        SELECT count(DISTINCT images.id)::int FROM delivery_files JOIN images ON images.id = image_id
        WHERE delivery_files.delivery_id = $1 AND folder_diagnosis IS NOT NULL AND label_state = $2 AND label & (1 << folder_diagnosis) = 0
        """;

    private const string Quality = """
        SELECT measures_quality_flags, count(*)::int FROM images
        WHERE measures_quality_flags <> 0 AND id IN (SELECT image_id FROM delivery_files WHERE delivery_id = $1) GROUP BY 1
        """;

    /// <summary>Adds the findings, and the doubts about the quality of its images.</summary>
    public async Task AddToAsync(V1.Delivery delivery, Guid deliveryId, CancellationToken cancellationToken)
    {
        var findings = delivery.Findings;
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var leaks = await TestFolderLeaks.CountAsync(connection, deliveryId, cancellationToken);
        await using var batch = new NpgsqlBatch(connection) { Timeout = (int)DeliveryReports.CountingTimeout.TotalSeconds };
        Add(TwoFolders, deliveryId);
        Add(Overruled, deliveryId, LabelState.Settled.ToColumn());
        Add(Quality, deliveryId);
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var folders = string.Join(" and ", new DiagnosisSet(rows.GetInt16(0)).Members.Select(Diagnoses.NameOf));
            findings.Add(Say($"{rows.GetInt32(1)} pictures lie byte for byte in the folders {folders}; {rows.GetInt32(2)} of them in Train and in Test."));
        }

        if (leaks.Clean < leaks.Images)
            findings.Add(leaks.Say());

        await rows.NextResultAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            if (rows.GetInt32(0) is > 0 and var overruled)
                findings.Add(Say($"{overruled} pictures lie in a class folder that a claim of higher rank overrules."));
        }

        await rows.NextResultAsync(cancellationToken);
        var doubts = new Dictionary<string, int>();
        while (await rows.ReadAsync(cancellationToken))
        {
            foreach (var word in QualityWords.Of(rows.GetInt16(0)))
                doubts[word] = doubts.GetValueOrDefault(word) + rows.GetInt32(1);
        }

        delivery.Quality.AddRange(doubts.OrderByDescending(doubt => doubt.Value).ThenBy(doubt => doubt.Key, StringComparer.Ordinal)
            .Select(doubt => new V1.QualityCount { Flag = doubt.Key, Count = doubt.Value }));

        void Add(string sql, params object[] parameters)
        {
            var command = new NpgsqlBatchCommand(sql);
            foreach (var parameter in parameters)
                command.Parameters.Add(new NpgsqlParameter { Value = parameter });
            batch.BatchCommands.Add(command);
        }
    }

    private static string Say(FormattableString sentence) => sentence.ToString(CultureInfo.InvariantCulture);
}
