using System.CommandLine;
using Melanoma.Cli.Connection;
using Melanoma.Cli.Output;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma demo</c>: the main job from pictures to answers, without a question.</summary>
internal static class DemoCommand
{
    private const string Recipe = "quick";

    // Enough for the drawn lesions, and little enough for a few minutes on two cores.
    private const int SyntheticEpochs = 4;
    private const int SyntheticSamplesPerClass = 100;

    private static readonly Argument<string?> Source = new("FOLDER|ZIP") { Description = "Pictures in the layout Train|Test/CLASS/NAME.jpg; drawn ones when not given.", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create() =>
        new Command("demo", "The main job on your pictures or on drawn ones: ingest, augment, train, evaluate, publish, classify.") { Source }.Runs(RunAsync);

    private static async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var terminal = context.Terminal;
        var given = context.Arguments.GetValue(Source);
        var found = given is null ? null : DeliverySource.Find(given, name: null);
        var gateway = await context.ConnectAsync(cancellationToken);

        var source = found ?? await DrawAsync(terminal, cancellationToken);
        var delivery = await IngestAsync(terminal, gateway, source, cancellationToken);
        var dataset = await CreateDatasetAsync(terminal, gateway, cancellationToken);
        var (run, model) = await TrainAsync(terminal, gateway, dataset, isSynthetic: given is null, cancellationToken);
        if (model is null)
            throw new CommandFailure(run.Error.Length > 0 ? $"The run failed: {run.Error}" : "The run was cancelled.");
        Publish(terminal, model);
        var answers = await ClassifyAsync(terminal, gateway, source, model, cancellationToken);
        if (terminal.IsJson)
        {
            Terminal.WriteDocument(new DemoDocument(
                DeliveryDocument.From(delivery), DatasetDocument.From(dataset), RunDocument.From(run), ModelDocument.From(model), answers));
        }

        WriteWhereToLook(terminal, model);
        return answers.All(answer => answer.IsAnswer) ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task<DeliverySource> DrawAsync(Terminal terminal, CancellationToken cancellationToken)
    {
        Heading(terminal, "Drawing pictures");
        terminal.Human.MarkupLine("[yellow]No pictures were given, so synthetic ones are drawn: no skin was ever in front of a camera for them, and a model that learns them knows nothing of skin.[/]");
        return await terminal.ProgressAsync(ProgressColumns.ForItems("pictures"), progress =>
        {
            var bar = progress.AddTask("Drawing", maxValue: DemoPictures.SyntheticCount);
            return DemoPictures.DrawAsync(() => bar.Increment(1), cancellationToken);
        });
    }

    private static async Task<Delivery> IngestAsync(Terminal terminal, GatewayConnection gateway, DeliverySource source, CancellationToken cancellationToken)
    {
        Heading(terminal, "Taking them in");
        var delivery = await IngestCommand.DeliverAsync(terminal, gateway, source, cancellationToken);
        DeliveryScreen.Write(terminal.Human, delivery);
        await WarnOfOthersAsync(terminal, gateway, delivery, cancellationToken);
        return delivery;
    }

    private static async Task WarnOfOthersAsync(Terminal terminal, GatewayConnection gateway, Delivery delivery, CancellationToken cancellationToken)
    {
        var known = await gateway.ReadAsync(options => gateway.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest(), options), cancellationToken);
        var others = known.Deliveries.Where(other => other.Stored > 0 && other.Name != delivery.Name).Select(other => other.Name).Distinct().ToList();
        if (others.Count > 0)
        {
            terminal.Human.MarkupLineInterpolated(
                $"[yellow]The catalogue also holds what was delivered before ({string.Join(", ", others)}), and a dataset is made of all of it. `./melanoma reset` starts afresh.[/]");
        }
    }

    private static async Task<Dataset> CreateDatasetAsync(Terminal terminal, GatewayConnection gateway, CancellationToken cancellationToken)
    {
        Heading(terminal, "Class distribution");
        var dataset = await DatasetCommands.CreateAsync(gateway, DatasetKind.Honest, cancellationToken);
        DatasetScreen.Write(terminal.Human, dataset);
        return dataset;
    }

    private static async Task<(Run Run, Model? Model)> TrainAsync(
        Terminal terminal, GatewayConnection gateway, Dataset dataset, bool isSynthetic, CancellationToken cancellationToken)
    {
        Heading(terminal, $"Augmenting and training recipe {Recipe}");
        var request = new StartRunRequest { Recipe = Recipe, DatasetId = dataset.DatasetId };
        if (isSynthetic)
        {
            request.Epochs = SyntheticEpochs;
            request.SamplesPerClass = SyntheticSamplesPerClass;
        }

        var run = await TrainCommand.StartAsync(gateway, request, cancellationToken);
        var (ended, model) = await RunWatch.FollowToModelAsync(terminal, gateway, run.RunId, cancellationToken);
        if (ended.Augmentation is { } augmentation)
        {
            Heading(terminal, "Training pictures per class, before and after augmentation");
            WriteAugmentation(terminal.Human, augmentation);
        }

        return (ended, model);
    }

    private static void WriteAugmentation(IAnsiConsole console, AugmentationProgress augmentation)
    {
        var largest = augmentation.ClassesAfter.Select(item => item.Count).DefaultIfEmpty().Max();
        var table = new Table().Border(TableBorder.Rounded).AddColumn("diagnosis")
            .AddColumn(new TableColumn("before").RightAligned()).AddColumn("").AddColumn(new TableColumn("after").RightAligned()).AddColumn("");
        foreach (var (before, after) in augmentation.ClassesBefore.Zip(augmentation.ClassesAfter))
        {
            table.AddRow(
                Markup.Escape(before.Diagnosis), FormattableString.Invariant($"{before.Count:N0}"), $"[teal]{Bars.Draw(before.Count, largest)}[/]",
                FormattableString.Invariant($"{after.Count:N0}"), $"[teal]{Bars.Draw(after.Count, largest)}[/]");
        }

        console.Write(table);
    }

    private static void Publish(Terminal terminal, Model model)
    {
        Heading(terminal, "Evaluation and publication");
        terminal.Human.WriteLine("Every choice was made on validation; the test pictures were only reported on.");
        ModelScreen.WriteResult(terminal.Human, model);
    }

    private static async Task<List<Classification>> ClassifyAsync(
        Terminal terminal, GatewayConnection gateway, DeliverySource source, Model model, CancellationToken cancellationToken)
    {
        Heading(terminal, $"Three pictures through the Gateway, answered by version {model.Version}");
        var (pictures, areTest) = DemoPictures.Choose(source);
        if (!areTest)
            terminal.Human.MarkupLine("[yellow]The delivery has no Test folder, so these pictures may be ones that the model was trained on.[/]");
        var answers = new List<Classification>();
        await new PictureClassifier(gateway, model.Version, caseReference: null).ClassifyAsync(pictures, answer =>
        {
            answers.Add(answer);
            ClassificationScreen.Write(terminal.Human, answer, withBars: true);
        }, cancellationToken);
        ClassificationScreen.WriteNotice(terminal.Human);
        return answers;
    }

    private static void WriteWhereToLook(Terminal terminal, Model model)
    {
        Heading(terminal, "Where to look");
        var grid = new Grid().AddColumn().AddColumn();
        if (LocalStack.Read() is { Portal: { } portal })
            grid.AddRow("Try a picture in the browser", $"{portal} (`./melanoma up --detach` prints a link that signs you in)");
        grid.AddRow("All versions, one report", $"./melanoma models    ./melanoma models show {model.Version}");
        grid.AddRow("Ask about your own pictures", $"./melanoma classify FOLDER --model-version {model.Version}");
        grid.AddRow("How it works", "README.md, docs/architecture.md");
        grid.AddRow("Stop everything", "./melanoma down");
        terminal.Human.Write(grid);
    }

    private static void Heading(Terminal terminal, string text)
    {
        terminal.Human.WriteLine();
        terminal.Human.Write(new Rule($"[bold]{Markup.Escape(text)}[/]").LeftJustified());
    }
}
