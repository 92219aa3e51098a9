using System.Text.Json;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>A stack that has taken a delivery in and trained a model on it, once for all tests that ask for it.</summary>
public sealed class TrainedModel : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(8);

    private readonly Lazy<Task<Trained>> _trained;

    public TrainedModel(TestServers servers) => _trained = new(() => TrainAsync(servers));

    internal Task<Trained> GetAsync(CancellationToken cancellationToken) => _trained.Value.WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_trained is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _trained.Value).Stack.DisposeAsync();
    }

    private static async Task<Trained> TrainAsync(TestServers servers)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        var stack = await Stack.StartAsync(servers, workers: 1, deadline.Token);
        try
        {
            var archive = await TestDelivery.WriteAsync(stack.Folder, deadline.Token);
            var delivery = (await stack.RunAsync(deadline.Token, "ingest", archive, "--json")).Succeeded().Document;
            var dataset = (await stack.RunAsync(deadline.Token, "datasets", "create", "--json")).Succeeded().Document;
            var watched = (await stack.RunAsync(deadline.Token, "train", "--recipe", "quick", "--epochs", "2", "--samples", "20", "--watch", "--json")).Succeeded();
            return new Trained(stack, archive, delivery, dataset, watched.Documents);
        }
        catch (Exception failure)
        {
            var complaints = stack.Complaints();
            await stack.DisposeAsync();
            throw new InvalidOperationException($"{failure.Message}\n{complaints}", failure);
        }
    }
}

/// <summary>The tests that share the stack.</summary>
[CollectionDefinition]
public sealed class WithTrainedModel : ICollectionFixture<TrainedModel>;

/// <summary>What the commands said on the way.</summary>
/// <param name="Stack">The running stack.</param>
/// <param name="Archive">The ZIP that was delivered.</param>
/// <param name="Delivery">The line of <c>ingest --json</c>.</param>
/// <param name="Dataset">The line of <c>datasets create --json</c>.</param>
/// <param name="RunLines">The lines of <c>train --watch --json</c>.</param>
internal sealed record Trained(Stack Stack, string Archive, JsonElement Delivery, JsonElement Dataset, IReadOnlyList<JsonElement> RunLines)
{
    public JsonElement Run => RunLines[^1];

    public string ModelVersion => Run.GetProperty("modelVersion").GetString()!;
}
