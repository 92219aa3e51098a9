using Melanoma.IntegrationTests.Servers;
using Melanoma.Storage;
using Melanoma.Storage.Roles;
using Melanoma.Testing;
using Npgsql;

namespace Melanoma.IntegrationTests.Storage;

public sealed class ServiceRoleTests(TestServers servers)
{
    // Which table belongs to which service, as design and documentation say it; a new table must be added here too.
    private static readonly Dictionary<string, ServiceRole[]> Writers = new()
    {
        ["deliveries"] = [ServiceRole.Ingestion],
        ["delivery_files"] = [ServiceRole.Ingestion],
        ["images"] = [ServiceRole.Ingestion],
        ["image_contents"] = [ServiceRole.Ingestion],
        ["image_isic_ids"] = [ServiceRole.Ingestion],
        ["image_signatures"] = [ServiceRole.Ingestion],
        ["near_duplicates"] = [ServiceRole.Ingestion],
        ["metadata_rows"] = [ServiceRole.Ingestion],
        ["review_items"] = [ServiceRole.Ingestion],
        ["review_decisions"] = [ServiceRole.Ingestion],
        ["review_decision_images"] = [ServiceRole.Ingestion],
        ["label_claims"] = [ServiceRole.Ingestion],
        ["lesion_groups"] = [ServiceRole.Ingestion],
        ["datasets"] = [ServiceRole.Ingestion],
        ["dataset_groups"] = [ServiceRole.Ingestion],
        ["dataset_items"] = [ServiceRole.Ingestion],
        ["runs"] = [ServiceRole.Ingestion],
        ["augmentations"] = [ServiceRole.Augmentation],
        ["augmentation_batches"] = [ServiceRole.Augmentation],
        ["variants"] = [ServiceRole.Augmentation],
        ["variant_contents"] = [ServiceRole.Augmentation],
        ["run_executions"] = [ServiceRole.Training],
        ["run_epochs"] = [ServiceRole.Training],
        ["checkpoints"] = [ServiceRole.Training],
        ["test_looks"] = [ServiceRole.Training],
        ["likely_label_errors"] = [ServiceRole.Training],
        ["likely_lesion_views"] = [ServiceRole.Training],
        ["fold_predictions"] = [ServiceRole.Training],
        ["cross_validation_reports"] = [ServiceRole.Training],
        ["model_versions"] = [ServiceRole.Training],
        ["model_artefacts"] = [ServiceRole.Training],
        ["model_stored_answers"] = [ServiceRole.Training],
        ["model_training_images"] = [ServiceRole.Training],
        ["model_report_pictures"] = [ServiceRole.Training],
        ["model_transitions"] = [ServiceRole.Inference],
        ["comparison_looks"] = [ServiceRole.Inference],
        ["predictions"] = [ServiceRole.Inference],
        ["feedback"] = [ServiceRole.Inference],
        ["feedback_images"] = [ServiceRole.Inference],
        ["feedback_outcomes"] = [ServiceRole.Ingestion],
        ["prediction_seals"] = [ServiceRole.Inference],
        ["unsealed_predictions"] = [ServiceRole.Inference],
        ["idempotency_keys"] = [ServiceRole.Inference],
        ["audit_anchors"] = [],
        ["audit_anchor_sequences"] = [],
        ["api_keys"] = [ServiceRole.Gateway],
        ["sign_in_tokens"] = [ServiceRole.Gateway],
        ["daily_usage"] = [ServiceRole.Gateway],
        ["failed_messages"] = [ServiceRole.Gateway],
        ["disk_measurements"] = [ServiceRole.Ingestion],
        ["outbox"] = Enum.GetValues<ServiceRole>(),
        ["__EFMigrationsHistory"] = [],
    };

    [Fact]
    public async Task Should_let_only_the_owner_insert_and_everybody_read_when_a_table_is_used()
    {
        var owner = await servers.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        await MelanomaDatabase.MigrateAsync(owner, TestContext.Current.CancellationToken);
        await using var source = NpgsqlDataSource.Create(owner);
        await using var command = source.CreateCommand(
            """
            SELECT c.relname, r.rolname, has_table_privilege(r.oid, c.oid, 'INSERT'), has_table_privilege(r.oid, c.oid, 'SELECT')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN pg_roles r
            WHERE n.nspname = 'public' AND c.relkind = 'r' AND r.rolname = ANY ($1)
            """);
        command.Parameters.AddWithValue(Enum.GetValues<ServiceRole>().Select(role => role.DatabaseRole()).ToArray());
        var rows = new List<(string Table, string Role, bool MayInsert, bool MayRead)>();
        await using (var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken))
        {
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            {
                rows.Add((reader.GetString(0), reader.GetString(1), reader.GetBoolean(2), reader.GetBoolean(3)));
            }
        }

        Assert.Equal(Writers.Keys.Order(StringComparer.Ordinal), rows.Select(row => row.Table).Distinct().Order(StringComparer.Ordinal));
        Assert.All(rows, row =>
        {
            var secret = row.Table is "api_keys" or "sign_in_tokens" && row.Role != ServiceRole.Gateway.DatabaseRole();
            Assert.True(row.MayRead != secret, $"{row.Role} may{(row.MayRead ? "" : " not")} read {row.Table}");
            var belongs = Writers[row.Table].Any(role => role.DatabaseRole() == row.Role);
            Assert.True(row.MayInsert == belongs, $"{row.Role} may{(row.MayInsert ? "" : " not")} insert into {row.Table}");
        });
    }

    [Fact]
    public async Task Should_touch_only_its_own_messages_when_a_service_writes_the_outbox()
    {
        var owner = await servers.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        await MelanomaDatabase.MigrateAsync(owner, TestContext.Current.CancellationToken);
        await using var training = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(owner, ServiceRole.Training));
        await using var inference = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(owner, ServiceRole.Inference));
        const string Insert = "INSERT INTO outbox (service, message_name, body) VALUES ('training', 'test', '{}')";

        Assert.Equal(1, await ExecuteAsync(training, Insert));
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(inference, Insert));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
        Assert.Equal(0, await ExecuteAsync(inference, "UPDATE outbox SET sent_at = now()"));
        Assert.Equal(0, await ExecuteAsync(inference, "DELETE FROM outbox"));
        Assert.Equal(1, await ExecuteAsync(training, "UPDATE outbox SET sent_at = now()"));
    }

    private static async Task<int> ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("UPDATE predictions SET caller = 'nobody'")]
    [InlineData("DELETE FROM predictions")]
    [InlineData("TRUNCATE predictions")]
    [InlineData("UPDATE prediction_seals SET position = 1")]
    [InlineData("DELETE FROM prediction_seals")]
    [InlineData("TRUNCATE prediction_seals")]
    [InlineData("UPDATE audit_anchors SET last_position = 1")]
    [InlineData("DELETE FROM audit_anchor_sequences")]
    public async Task Should_refuse_to_change_the_audit_when_a_service_or_the_owner_tries(string change)
    {
        var owner = await servers.CreateMigratedDatabaseAsync(TestContext.Current.CancellationToken);
        foreach (var role in Enum.GetValues<ServiceRole>())
        {
            await using var service = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(owner, role));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(service, change))).SqlState);
            var mayDrop = role == ServiceRole.Inference;
            var drop = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(service, "SELECT drop_audit_month('2020-01-01')"));
            Assert.Equal(mayDrop ? PostgresErrorCodes.RaiseException : PostgresErrorCodes.InsufficientPrivilege, drop.SqlState);
        }

        await using var source = NpgsqlDataSource.Create(owner);
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(source, change));
        Assert.Contains("append-only", refusal.MessageText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Should_keep_the_role_when_a_connection_comes_back_from_the_pool()
    {
        var owner = await servers.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        await MelanomaDatabase.MigrateAsync(owner, TestContext.Current.CancellationToken);
        await using var source = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(owner, ServiceRole.Inference));
        for (var use = 0; use < 3; use++)
        {
            await using var command = source.CreateCommand("SELECT current_user::text");
            Assert.Equal("melanoma_inference", await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Should_change_nothing_when_migrated_twice_and_at_once()
    {
        var owner = await servers.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        await MelanomaDatabase.MigrateAsync(owner, TestContext.Current.CancellationToken);
        await MelanomaDatabase.MigrateAsync(owner, TestContext.Current.CancellationToken);

        var others = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => servers.CreateDatabaseAsync(TestContext.Current.CancellationToken)));
        await Task.WhenAll(others.Select(other => MelanomaDatabase.MigrateAsync(other, TestContext.Current.CancellationToken)));
    }
}
