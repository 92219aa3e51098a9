using System.Text;
using System.Text.Json;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>Cross-validation as work of the queue: a network for each fold, figures over all lesions, and never a model.</summary>
public sealed class CrossValidationTests(TestServers servers)
{
    // So many that what is trained on has the lesions of a diagnosis that the recipe asks for.
    private const int Folds = 4;
    private const int Workers = 2;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task Should_ask_each_network_about_the_lesions_it_had_not_seen_when_a_worker_is_killed_in_a_fold()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        await using var stack = await Stack.StartAsync(servers, Workers, deadline.Token);
        await stack.RunAsync(deadline.Token, "ingest", await TestDelivery.WriteAsync(stack.Folder, deadline.Token), "--json");

        var dataset = await FreezeAsync(stack, deadline.Token);
        var refused = await stack.RunAsync(deadline.Token, "train", "--recipe", "quick", "--dataset", dataset, "--json");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("is of kind cross-validation", refused.Errors, StringComparison.Ordinal);

        var started = (await stack.RunAsync(deadline.Token, "cross-validation", "start", "--recipe", "head", "--dataset", dataset, "--json")).Succeeded().Document;
        var id = started.GetProperty("id").GetString()!;
        await WaitAsync(stack, "SELECT count(*) FROM run_executions WHERE lease_owner IS NOT NULL", Workers, deadline.Token);
        await stack.TrainingWorkers[0].KillAsync();
        var done = (await stack.RunAsync(deadline.Token, "cross-validation", "show", id, "--watch", "--json")).Succeeded().Document;

        Assert.All(done.GetProperty("folds").EnumerateArray(), fold => Assert.Equal("completed", fold.GetProperty("state").GetString()));
        var all = done.GetProperty("figures").GetProperty("all").GetProperty("ham10000");
        Assert.Equal(await stack.QueryAsync<long>($"SELECT count(*) FROM dataset_items WHERE dataset_id = {dataset}", deadline.Token), all.GetProperty("images").GetInt64());
        var folds = done.GetProperty("figures").GetProperty("folds").EnumerateArray().Select(fold => fold.GetProperty("ham10000")).ToArray();
        Assert.Equal(Folds, folds.Length);
        Assert.Equal(Right(all), folds.Sum(Right), 6);

        // Every picture was asked about once, by the network that held its lesion out.
        Assert.Equal(0, await stack.QueryAsync<long>(
            $"""
            SELECT count(*) FROM (SELECT run_id, unnest(ordinals) AS ordinal FROM fold_predictions) AS asked
            FULL JOIN dataset_items AS item ON item.dataset_id = {dataset} AND item.ordinal = asked.ordinal
            LEFT JOIN dataset_groups AS lesion ON lesion.dataset_id = item.dataset_id AND lesion.group_id = item.group_id
            LEFT JOIN runs ON runs.id = asked.run_id
            WHERE runs.fold IS DISTINCT FROM lesion.fold
            """, deadline.Token));
        Assert.Equal(0, await stack.QueryAsync<long>("SELECT (SELECT count(*) FROM model_versions WHERE run_id IS NOT NULL) + (SELECT count(*) FROM test_looks)", deadline.Token));

        static double Right(JsonElement figures) => figures.GetProperty("images").GetInt32() * figures.GetProperty("accuracy").GetProperty("value").GetDouble();
    }

    // A table that names nobody here leaves its folds to be drawn as those of a number are.
    private static async Task<string> FreezeAsync(Stack stack, CancellationToken cancellationToken)
    {
        var table = Path.Combine(stack.Folder, "folds.csv");
        await File.WriteAllTextAsync(table, "isic_id,fold\nISIC_9999999,3\n", Encoding.UTF8, cancellationToken);
        var dataset = (await stack.RunAsync(cancellationToken, "datasets", "create", "--kind", "cross-validation", "--folds", table, "--json")).Succeeded().Document;
        var again = (await stack.RunAsync(cancellationToken, "datasets", "create", "--kind", "cross-validation", "--folds", "4", "--json")).Succeeded().Document;
        Assert.Equal(dataset.GetProperty("contentHash").GetString(), again.GetProperty("contentHash").GetString());
        Assert.Equal(0, dataset.GetProperty("groupsInTwoSplits").GetInt32());
        Assert.Equal(Folds, dataset.GetProperty("folds").GetArrayLength());
        Assert.Equal(dataset.GetProperty("images").GetInt32(), dataset.GetProperty("folds").EnumerateArray().Sum(fold => fold.GetProperty("images").GetInt32()));
        return dataset.GetProperty("id").GetRawText();
    }

    private static async Task WaitAsync(Stack stack, string count, long least, CancellationToken cancellationToken)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await stack.QueryAsync<long>(count, cancellationToken) < least)
            await tick.WaitForNextTickAsync(cancellationToken);
    }
}
