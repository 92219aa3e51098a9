using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Melanoma.Contracts;
using Melanoma.Imaging;
using Melanoma.Samples;
using Melanoma.Testing;

namespace Melanoma.EndToEndTests;

/// <summary>The data team's job through the Gateway and the command line: deliver, look, decide, freeze, export, forget.</summary>
public sealed class DataJobTests(TestServers servers)
{
    private const int PerClass = 4;

    // One mirrored copy more than the drawn ones.
    private const int Pictures = (PerClass * Diagnoses.Count) + 1;

    // Near-duplicates are sought by 40 x 40 cells; smaller pictures have too little in them.
    private const int Side = 224;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Should_account_for_every_file_and_decision_when_a_delivery_becomes_datasets()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        await using var stack = await Stack.StartAsync(servers, workers: 0, deadline.Token);
        var folder = Path.Combine(stack.Folder, "delivered");
        Write(folder);

        var delivery = await DeliverAsync(stack, folder, deadline.Token);
        await AssertReportAsync(stack, delivery, deadline.Token);
        var item = await DecideAndUndoAsync(stack, deadline.Token);
        var (parked, settled) = await FreezeAroundADecisionAsync(stack, item, deadline.Token);
        await ExportAsync(stack, settled, deadline.Token);
        await SaveAndForgetAsync(stack, folder, parked, settled, deadline.Token);
    }

    private static async Task<string> DeliverAsync(Stack stack, string folder, CancellationToken cancellationToken)
    {
        var delivery = (await stack.RunAsync(cancellationToken, "ingest", folder, "--json")).Succeeded().Document;
        Assert.Equal(
            ["delivery", "files", "stored", "duplicates", "nearDuplicates", "conflicts", "refused", "metadata", "waiting"],
            delivery.EnumerateObject().Take(9).Select(property => property.Name));
        Assert.Equal(Pictures, Int(delivery, "stored"));
        Assert.Equal(2, Int(delivery, "duplicates"));
        Assert.Equal(2, Int(delivery, "nearDuplicates"));
        Assert.Equal(1, Int(delivery, "conflicts"));
        Assert.Equal(2, Int(delivery, "refused"));
        Assert.Equal(1, Int(delivery, "metadata"));
        Assert.Equal(0, Int(delivery, "waiting"));
        Assert.Equal(
            Int(delivery, "files"), ((string[])["stored", "duplicates", "refused", "metadata", "waiting"]).Sum(outcome => Int(delivery, outcome)));
        return Text(delivery, "delivery");
    }

    private static async Task AssertReportAsync(Stack stack, string delivery, CancellationToken cancellationToken)
    {
        var list = (await stack.RunAsync(cancellationToken, "deliveries", "list", "--limit", "1", "--json")).Succeeded().Document.GetProperty("deliveries");
        Assert.Equal(delivery, Text(Assert.Single(list.EnumerateArray()), "delivery"));

        var files = (await stack.RunAsync(cancellationToken, "deliveries", "files", delivery, "--json")).Succeeded().Documents;
        Assert.Equal(Pictures + 2 + 2 + 1, files.Count);
        Assert.Equal(["Train/nevus/gone.jpg", "Train/nevus/letter.jpg"], Paths("refused"));
        Assert.Equal(["labels.csv"], Paths("metadata"));
        Assert.Contains("sender", Text(files.Single(file => Text(file, "path") == "Train/nevus/gone.jpg"), "reason"), StringComparison.Ordinal);
        Assert.Contains(files, file => Text(file, "path") == "Train/nevus/mirrored.jpg" && file.TryGetProperty("nearDuplicateOf", out _));

        IEnumerable<string> Paths(string outcome) =>
            files.Where(file => Text(file, "outcome") == outcome).Select(file => Text(file, "path")).Order(StringComparer.Ordinal);
    }

    /// <summary>Settles the only contradiction and takes it back.</summary>
    /// <returns>The item that is open then.</returns>
    private static async Task<JsonElement> DecideAndUndoAsync(Stack stack, CancellationToken cancellationToken)
    {
        var item = Assert.Single(await OpenItemsAsync(stack, cancellationToken));
        Assert.Equal("conflict", Text(item, "kind"));
        var picture = Path.Combine(stack.Folder, "disputed");
        var next = (await stack.RunAsync(cancellationToken, "reviews", "next", "--save", picture, "--json")).Succeeded().Document;
        Assert.Equal(Text(item, "id"), Text(next.GetProperty("item"), "id"));
        Assert.True(File.Exists(picture + ".jpg"));

        var decided = await SettleAsync(stack, item, cancellationToken);
        Assert.Equal(1, Int(decided, "closedItems"));
        Assert.Empty(await OpenItemsAsync(stack, cancellationToken));

        var decision = decided.GetProperty("decision").GetProperty("id").GetInt64();
        var undone = (await stack.RunAsync(cancellationToken, "reviews", "undo", $"{decision}", "--json")).Succeeded().Document;
        Assert.Equal(1, Int(undone, "reopenedItems"));
        var reopened = Assert.Single(await OpenItemsAsync(stack, cancellationToken));
        var history = (await stack.RunAsync(cancellationToken, "reviews", "history", "--json")).Succeeded().Document.GetProperty("decisions");
        Assert.Equal([decision + 1, decision], history.EnumerateArray().Select(entry => entry.GetProperty("id").GetInt64()));
        Assert.Equal(decision + 1, history[1].GetProperty("undoneBy").GetInt64());
        return reopened;
    }

    private static async Task<JsonElement> SettleAsync(Stack stack, JsonElement item, CancellationToken cancellationToken) =>
        (await stack.RunAsync(cancellationToken, "reviews", "settle", "melanoma", "--item", Text(item, "id"), "--comment", "a streak at the border", "--json"))
            .Succeeded().Document;

    private static async Task<(int Parked, JsonElement Settled)> FreezeAroundADecisionAsync(Stack stack, JsonElement item, CancellationToken cancellationToken)
    {
        var parked = await CreateDatasetAsync(stack, cancellationToken);
        Assert.Equal(1, Int(parked, "parked"));
        Assert.Equal(Pictures - 1, Int(parked, "images"));
        await SettleAsync(stack, item, cancellationToken);
        await AssertDecisionIsShownAsync(stack, cancellationToken);
        var settled = await CreateDatasetAsync(stack, cancellationToken);
        Assert.Equal(0, Int(settled, "parked"));
        Assert.Equal(Pictures, Int(settled, "images"));

        string[] diff = ["datasets", "diff", $"{Int(parked, "id")}", $"{Int(settled, "id")}", "--json"];
        var difference = (await stack.RunAsync(cancellationToken, diff)).Succeeded().Document;
        Assert.Equal((1, 0, 0, 0), (Int(difference, "added"), Int(difference, "removed"), Int(difference, "relabelled"), Int(difference, "moved")));
        return (Int(parked, "id"), settled);
    }

    /// <summary>Of the disputed picture: by whom it was decided and what that overrules, of the image and of each of its files.</summary>
    private static async Task AssertDecisionIsShownAsync(Stack stack, CancellationToken cancellationToken)
    {
        const string Decision = "Decided by reviewer local: melanoma; overrules folder: seborrheic keratosis.";
        var delivery = (await stack.RunAsync(cancellationToken, "deliveries", "list", "--json")).Succeeded().Document.GetProperty("deliveries")[0];
        var files = (await stack.RunAsync(cancellationToken, "deliveries", "files", Text(delivery, "delivery"), "--json")).Succeeded().Documents;
        var decided = files.Where(file => file.TryGetProperty("decision", out _)).ToLookup(file => Text(file, "decision"), file => Text(file, "image"));

        // The table says of the first picture what its folder says too.
        Assert.Equal([Decision, $"Decided by label table: {Diagnoses.Names[0]}."], decided.Select(decision => decision.Key).Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(2, decided[Decision].Count());
        var image = Assert.Single(decided[Decision].Distinct());
        var details = (await stack.RunAsync(cancellationToken, "images", "show", image, "--json")).Succeeded().Document;
        Assert.Equal(Decision, Text(details, "decision"));
        Assert.Contains("overrules folder: seborrheic keratosis", (await stack.RunAsync(cancellationToken, "images", "show", image)).Succeeded().Output, StringComparison.Ordinal);
        var lines = (await stack.RunAsync(cancellationToken, "deliveries", "files", Text(delivery, "delivery"))).Succeeded().Output;
        Assert.Equal(2, lines.Split("Decided by reviewer local").Length - 1);
    }

    private static async Task<JsonElement> CreateDatasetAsync(Stack stack, CancellationToken cancellationToken)
    {
        var dataset = (await stack.RunAsync(cancellationToken, "datasets", "create", "--json")).Succeeded().Document;
        Assert.Equal(
            ["id", "images", "groups", "groupsInTwoSplits", "parked", "splits"], dataset.EnumerateObject().Take(6).Select(property => property.Name));
        Assert.Equal(0, Int(dataset, "groupsInTwoSplits"));
        return dataset;
    }

    private static async Task ExportAsync(Stack stack, JsonElement dataset, CancellationToken cancellationToken)
    {
        var path = Path.Combine(stack.Folder, "dataset.zip");
        (await stack.RunAsync(cancellationToken, "datasets", "export", $"{Int(dataset, "id")}", path, "--json")).Succeeded();
        await using var archive = await ZipFile.OpenReadAsync(path, cancellationToken);
        var names = archive.Entries.Select(entry => entry.FullName).ToList();
        Assert.Contains("README.txt", names);
        Assert.Contains("dataset.csv", names);
        Assert.Equal(Int(dataset, "images") + 2, names.Count);
    }

    private static async Task SaveAndForgetAsync(Stack stack, string folder, int parked, JsonElement settled, CancellationToken cancellationToken)
    {
        // Without a word it lists, as the other nouns do.
        var images = (await stack.RunAsync(cancellationToken, "images", "--json")).Succeeded().Document.GetProperty("images");
        Assert.Equal(Pictures, images.GetArrayLength());
        var listed = (await stack.RunAsync(cancellationToken, "images", "list", "--isic-id", IsicId(0), "--json")).Succeeded().Document.GetProperty("images");
        var image = Assert.Single(listed.EnumerateArray());
        Assert.Equal("CC-BY-NC-4.0", Text(image, "licence"));

        var id = Text(image, "id");
        var saved = Path.Combine(stack.Folder, "saved.jpg");
        (await stack.RunAsync(cancellationToken, "images", "save", id, saved, "--json")).Succeeded();
        Assert.Equal(await File.ReadAllBytesAsync(PathOf(folder, 0), cancellationToken), await File.ReadAllBytesAsync(saved, cancellationToken));
        Assert.Equal(Text(image, "sha256"), Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(saved, cancellationToken))));

        var unsure = await stack.RunAsync(cancellationToken, "images", "forget", id, "--json");
        Assert.Equal((2, ""), (unsure.ExitCode, unsure.Output));
        var forgotten = (await stack.RunAsync(cancellationToken, "images", "forget", id, "--yes", "--json")).Succeeded().Document;
        Assert.Equal(1, Int(forgotten, "images"));
        Assert.Equal([parked, Int(settled, "id")], forgotten.GetProperty("datasets").EnumerateArray().Select(number => number.GetInt32()).Order());
        var shown = (await stack.RunAsync(cancellationToken, "images", "show", id, "--json")).Succeeded().Document.GetProperty("image");
        Assert.True(shown.GetProperty("forgotten").GetBoolean());
        Assert.Equal(1, (await stack.RunAsync(cancellationToken, "images", "save", id, saved + ".again", "--json")).ExitCode);
        Assert.False(File.Exists(saved + ".again"));
    }

    private static async Task<List<JsonElement>> OpenItemsAsync(Stack stack, CancellationToken cancellationToken) =>
        [.. (await stack.RunAsync(cancellationToken, "reviews", "list", "--json")).Succeeded().Document.GetProperty("items").EnumerateArray()];

    private static void Write(string folder)
    {
        for (var number = 0; number < PerClass * Diagnoses.Count; number++)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(folder, number))!);
            File.WriteAllBytes(PathOf(folder, number), SyntheticLesions.DrawJpeg(number % Diagnoses.Count, seed: 7_000 + number, Side));
        }

        var nevus = (int)Diagnosis.Nevus;
        var nevi = Path.Combine(folder, "Train", "nevus");
        File.WriteAllBytes(Path.Combine(nevi, "mirrored.jpg"), ImageEncoder.EncodeJpeg(PictureCopies.Mirrored(SyntheticLesions.Draw(nevus, seed: 7_000 + nevus, Side)), 90));
        File.Copy(PathOf(folder, nevus), Path.Combine(nevi, "copy.jpg"));
        File.Copy(PathOf(folder, (int)Diagnosis.Melanoma), Path.Combine(folder, "Train", "seborrheic keratosis", "disputed.jpg"));
        File.WriteAllText(Path.Combine(nevi, "letter.jpg"), "Dear colleague");
        File.CreateSymbolicLink(Path.Combine(nevi, "gone.jpg"), Path.Combine(folder, "taken-away.jpg"));
        File.WriteAllText(Path.Combine(folder, "labels.csv"), $"isic_id,diagnosis,licence\n{IsicId(0)},{Diagnoses.Names[0]},CC-BY-NC-4.0\n");
    }

    private static string PathOf(string folder, int number) =>
        Path.Combine(folder, "Train", Diagnoses.Names[number % Diagnoses.Count], $"{IsicId(number)}.jpg");

    private static string IsicId(int number) => $"ISIC_{9_000_000 + number}";

    private static string Text(JsonElement document, string property) => document.GetProperty(property).GetString()!;

    private static int Int(JsonElement document, string property) => document.GetProperty(property).GetInt32();
}
