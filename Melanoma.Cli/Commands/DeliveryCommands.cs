using System.CommandLine;
using System.Globalization;
using Google.Protobuf.Collections;
using Grpc.Core;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma deliveries</c>: what was delivered, and what became of each file; kept for ever.</summary>
internal static class DeliveryCommands
{
    private const int DefaultLimit = 100;
    private const int LargestPage = 1000;

    private static readonly Argument<string> Id = new("ID") { Description = "The delivery's id." };

    private static readonly Option<string?> Outcome = new Option<string?>("--outcome") { Description = "Only files of which this became." }
        .AcceptOnlyFromAmong("stored", "duplicate", "near-duplicate", "refused", "metadata", "waiting", "conflict");

    private static readonly Option<int> Limit =
        new("--limit") { Description = "At most this many, 1 to 1000.", DefaultValueFactory = _ => DefaultLimit, HelpName = "N" };

    public static Command Create() =>
        new Command("deliveries", "List deliveries and show what became of each file.")
        {
            new Command("list", "The newest deliveries.") { Limit }.Runs(ListAsync),
            new Command("show", "The report of a delivery.") { Id }.Runs(ShowAsync),
            new Command("files", "What became of each file of a delivery; with --json a line a file.") { Id, Outcome }.Runs(FilesAsync),
        }.Runs(ListAsync);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        // Without the word `list` there is no option, and not its default either.
        var limit = context.Arguments.GetResult(Limit) is null ? DefaultLimit : context.Arguments.GetValue(Limit);
        if (limit is < 1 or > LargestPage)
            throw new CommandFailure($"--limit is {limit}; it must be 1 to {LargestPage}.", ExitCodes.Usage);
        var gateway = await context.ConnectAsync(cancellationToken);
        var answer = await gateway.ReadAsync(options => gateway.Catalog.ListDeliveriesAsync(new ListDeliveriesRequest { PageSize = limit }, options), cancellationToken);
        context.Terminal.Write(new DeliveryListDocument([.. answer.Deliveries.Select(delivery => DeliveryDocument.From(delivery))]), console => WriteList(console, answer.Deliveries));
        return ExitCodes.Success;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetDeliveryRequest { DeliveryId = context.Arguments.GetRequiredValue(Id) };
        var delivery = await gateway.ReadAsync(options => gateway.Catalog.GetDeliveryAsync(request, options), cancellationToken);
        context.Terminal.Write(DeliveryDocument.From(delivery), console => DeliveryScreen.Write(console, delivery));
        return ExitCodes.Success;
    }

    private static async Task<int> FilesAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var wanted = context.Arguments.GetValue(Outcome);
        using var call = gateway.Catalog.ListDeliveryFiles(
            new ListDeliveryFilesRequest { DeliveryId = context.Arguments.GetRequiredValue(Id) }, cancellationToken: cancellationToken);
        await foreach (var file in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            var document = DeliveryFileDocument.From(file);
            if (wanted is null || document.Is(wanted))
                context.Terminal.Write(document, console => console.WriteLine(LineOf(document)));
        }

        return ExitCodes.Success;
    }

    private static string LineOf(DeliveryFileDocument file)
    {
        string[] words = [.. new[] { file.Reason, file.Decision }.OfType<string>().Where(words => words.Length > 0)];
        return $"{file.Outcome,-10} {file.Path}{(words.Length > 0 ? ": " : "")}{string.Join(". ", words)}";
    }

    private static void WriteList(IAnsiConsole console, RepeatedField<Delivery> deliveries)
    {
        if (deliveries.Count == 0)
        {
            console.WriteLine("Nothing was delivered yet: ./melanoma ingest PATH.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded).AddColumn("delivery").AddColumn("name").AddColumn("when").AddColumn("state");
        foreach (var header in (ReadOnlySpan<string>)["files", "stored", "duplicates", "near", "conflicts", "refused", "tables", "waiting"])
            table.AddColumn(new TableColumn(header).RightAligned());
        foreach (var delivery in deliveries)
        {
            table.AddRow(
                delivery.DeliveryId, Markup.Escape(delivery.Name), delivery.ReceivedAt.ToDateTime().ToString("u", CultureInfo.InvariantCulture),
                delivery.State.ToString().ToLowerInvariant(), Number(delivery.Files), Number(delivery.Stored), Number(delivery.Duplicates),
                Number(delivery.NearDuplicates), Number(delivery.Conflicts), Number(delivery.Refused), Number(delivery.Metadata), Number(delivery.Waiting));
        }

        console.Write(table);
    }

    private static string Number(int value) => FormattableString.Invariant($"{value:N0}");
}

internal sealed record DeliveryListDocument(IReadOnlyList<DeliveryDocument> Deliveries);

/// <summary>What became of a file; <c>outcome</c> is stored, duplicate, refused, metadata or waiting, <c>decision</c> says who decided over whom.</summary>
internal sealed record DeliveryFileDocument(
    string Path, string Outcome, string Reason, string? Image, string? NearDuplicateOf, IReadOnlyList<string> ConflictingDiagnoses, string? Decision)
{
    public static DeliveryFileDocument From(DeliveryFile file) => new(
        file.Path, file.Outcome.ToString().ToLowerInvariant(), file.Reason, file.HasImageId ? file.ImageId : null,
        file.HasNearDuplicateOf ? file.NearDuplicateOf : null, [.. file.ConflictingDiagnoses],
        file.Decision.Length > 0 ? file.Decision : null);

    /// <summary>Whether this became of it; a near-duplicate is also stored, and a conflict also stored or a duplicate.</summary>
    public bool Is(string outcome) => outcome switch
    {
        "near-duplicate" => NearDuplicateOf is not null,
        "conflict" => ConflictingDiagnoses.Count > 0,
        _ => Outcome == outcome,
    };
}
