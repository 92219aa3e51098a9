using System.CommandLine;
using System.Globalization;
using Google.Protobuf.Collections;
using Melanoma.Cli.Connection;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma datasets</c>: immutable snapshots of the catalogue.</summary>
internal static class DatasetCommands
{
    private static readonly Argument<int> Number = new("NUMBER") { Description = "The dataset's number." };

    private static readonly Option<string> Kind = new Option<string>("--kind")
    {
        Description = "honest: a lesion is in one split for ever. reproduction: as the original notebook did it; its models are never served. cross-validation: a lesion is in one fold; figures, never a model.",
        DefaultValueFactory = _ => "honest",
    }.AcceptOnlyFromAmong("honest", "reproduction", "cross-validation");

    private static readonly Option<string?> Folds = new("--folds")
    {
        Description = "Folds of a cross-validation: how many (5 when not given), or a CSV file with the columns isic_id and fold.",
        HelpName = "N|FILE",
    };

    private static readonly Option<string[]> Licences = new("--licence")
    {
        Description = "Take only images under this licence, for example CC-BY-NC-4.0, or unknown; may be given several times. Not for a reproduction.",
        HelpName = "L",
    };

    public static Command Create() =>
        new Command("datasets", "List, show, create, compare and export datasets.")
        {
            new Command("list", "All datasets, newest first.").Runs(ListAsync),
            new Command("show", "One dataset with its classes and rules.") { Number }.Runs(ShowAsync),
            new Command("create", "Make a snapshot of the catalogue as it is now.") { Kind, Folds, Licences }.Runs(CreateAsync),
            DatasetDiffCommand.Create(),
            DatasetExportCommand.Create(),
        }.Runs(ListAsync);

    /// <summary>Makes an honest snapshot or a reproduction.</summary>
    public static Task<Dataset> CreateAsync(GatewayConnection gateway, DatasetKind kind, CancellationToken cancellationToken) =>
        CreateAsync(gateway, new CreateDatasetRequest { Kind = kind }, cancellationToken);

    private static Task<Dataset> CreateAsync(GatewayConnection gateway, CreateDatasetRequest request, CancellationToken cancellationToken) =>
        gateway.ChangeAsync(options => gateway.Datasets.CreateDatasetAsync(request, options), cancellationToken);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Datasets.ListDatasetsAsync(new ListDatasetsRequest(), options), cancellationToken);
        context.Terminal.Write(new DatasetListDocument([.. answer.Datasets.Select(DatasetDocument.From)]), console => WriteList(console, answer.Datasets));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetDatasetRequest { DatasetId = context.Arguments.GetRequiredValue(Number) };
        var dataset = await gateway.ReadAsync(options => gateway.Datasets.GetDatasetAsync(request, options), cancellationToken);
        context.Terminal.Write(DatasetDocument.From(dataset), console => DatasetScreen.Write(console, dataset));
        return ExitCodes.Success;
    }

    private static async Task<int> CreateAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new CreateDatasetRequest
        {
            Kind = context.Arguments.GetValue(Kind) switch
            {
                "reproduction" => DatasetKind.Reproduction,
                "cross-validation" => DatasetKind.CrossValidation,
                _ => DatasetKind.Honest,
            },
            Licences = { context.Arguments.GetValue(Licences) ?? [] },
        };
        if (context.Arguments.GetValue(Folds) is { } folds)
        {
            if (int.TryParse(folds, CultureInfo.InvariantCulture, out var number))
                request.Folds = number;
            else
                request.FoldTable.AddRange(FoldTable.Read(folds));
        }

        var dataset = await CreateAsync(gateway, request, cancellationToken);
        context.Terminal.Write(DatasetDocument.From(dataset), console => DatasetScreen.Write(console, dataset));
        return ExitCodes.Success;
    }

    private static void WriteList(IAnsiConsole console, RepeatedField<Dataset> datasets)
    {
        if (datasets.Count == 0)
        {
            console.WriteLine("There are no datasets yet: deliver pictures with `./melanoma ingest PATH`, then `./melanoma datasets create`.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        ReadOnlySpan<string> headers = ["dataset", "kind", "created", "images", "groups", "train", "validation", "test", "parked", "licences", ""];
        foreach (var header in headers)
            table.AddColumn(header);
        foreach (var dataset in datasets)
        {
            table.AddRow(
                Text(dataset.DatasetId), DatasetDocument.NameOf(dataset.Kind), dataset.CreatedAt.ToDateTime().ToString("u", CultureInfo.InvariantCulture),
                Text(dataset.Images), Text(dataset.Groups),
                Text(ImagesIn(dataset, Split.Train)), Text(ImagesIn(dataset, Split.Validation)), Text(ImagesIn(dataset, Split.Test)), Text(dataset.Parked),
                Markup.Escape(dataset.Licences.Count > 0 ? string.Join(", ", dataset.Licences) : "any"), DatasetScreen.AlarmMarkup(dataset));
        }

        console.Write(table);
    }

    private static int ImagesIn(Dataset dataset, Split split) => dataset.Splits.FirstOrDefault(item => item.Split == split)?.Images ?? 0;

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
