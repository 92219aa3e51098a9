using System.Globalization;
using Melanoma.Contracts;

namespace Melanoma.IntegrationTests.Ingestion;

/// <summary>Writes what a run that ends now found in the newest dataset, and announces it.</summary>
internal static class FoundByRuns
{
    private static readonly short NevusBits = DiagnosisSet.Of(Diagnosis.Nevus).Bits;
    private static readonly short MelanomaBits = DiagnosisSet.Of(Diagnosis.Melanoma).Bits;

    /// <summary>These nevi may be melanomas.</summary>
    public static Task<Guid> LabelErrorsAsync(IngestionHost host, CancellationToken cancellationToken, params (Guid Image, double Score)[] findings) =>
        RunAsync(host, "likely_label_errors (run_id, image_id, claim, score, suggested, reason)", findings.Select(found => string.Create(
            CultureInfo.InvariantCulture,
            $"'{found.Image}', {NevusBits}, {found.Score}, {MelanomaBits}, 'A model trained on other lesions gives nevus 3 %.'")), cancellationToken);

    /// <summary>These pairs may show one lesion each.</summary>
    public static Task<Guid> LesionViewsAsync(IngestionHost host, CancellationToken cancellationToken, params (Guid Image, Guid Other, int Places)[] findings) =>
        RunAsync(host, "likely_lesion_views (run_id, image_id, other_image_id, agreeing_places)", findings.Select(found => string.Create(
            CultureInfo.InvariantCulture,
            $"least('{found.Image}'::uuid, '{found.Other}'::uuid), greatest('{found.Image}'::uuid, '{found.Other}'::uuid), {found.Places}")), cancellationToken);

    /// <summary>Has a message about a run published, by the service's own relay.</summary>
    public static Task<int> AnnounceAsync(IngestionHost host, string message, Guid run, int times, CancellationToken cancellationToken) => host.ExecuteAsync($$"""
        INSERT INTO outbox (service, message_name, body) SELECT 'ingestion', '{{message}}', '{"runId":"{{run}}"}' FROM generate_series(1, {{times}})
        """, cancellationToken);

    private static async Task<Guid> RunAsync(IngestionHost host, string table, IEnumerable<string> rows, CancellationToken cancellationToken)
    {
        var run = Guid.CreateVersion7();
        await host.ExecuteAsync($"""
            BEGIN;
            INSERT INTO runs (id, recipe, recipe_version, dataset_id, dataset_kind, epochs, seed, augmentation_policy, samples_per_class, requested_at, requested_by)
            SELECT '{run}', 'quick', 1, id, kind, 1, 1, 'none', 0, now(), 'test' FROM datasets ORDER BY id DESC LIMIT 1;
            INSERT INTO run_executions (run_id, state, fence, attempts, started_at, ended_at, epoch_fraction, images_per_second)
            VALUES ('{run}', 'completed', 1, 1, now(), clock_timestamp(), 1, 0);
            INSERT INTO {table} VALUES {string.Join(", ", rows.Select(row => $"('{run}', {row})"))};
            COMMIT
            """, cancellationToken);
        return run;
    }
}
