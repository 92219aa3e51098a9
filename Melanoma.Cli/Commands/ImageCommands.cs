using System.CommandLine;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma images</c>: what the catalogue holds.</summary>
internal static class ImageCommands
{
    private const int DefaultLimit = 100;
    private const int LargestPage = 1000;

    private static readonly Argument<string> Id = new("ID") { Description = "The image's id." };
    private static readonly Argument<string> FileName = new("FILE") { Description = "Where to write the bytes, as they were delivered." };
    private static readonly Option<int> Limit = new("--limit") { Description = "At most this many images.", DefaultValueFactory = _ => DefaultLimit, HelpName = "N" };
    private static readonly Option<string?> Diagnosis = new("--diagnosis") { Description = "Only images with exactly this label.", HelpName = "CLASS" };
    private static readonly Option<string?> Source = new("--source") { Description = "Only images of this collection.", HelpName = "TEXT" };

    private static readonly Option<string?> Licence =
        new("--licence") { Description = "Only images under this licence; unknown for those of which no table says it.", HelpName = "TEXT" };
    private static readonly Option<string?> Quality =
        new("--quality") { Description = "Only images with this doubt, for example blurred or not-dermoscopic; any for those with one at all.", HelpName = "FLAG" };

    private static readonly Option<string?> Group = new("--group") { Description = "Only images of this lesion group.", HelpName = "ID" };
    private static readonly Option<string?> IsicId = new("--isic-id") { Description = "Only images with this ISIC id.", HelpName = "ID" };
    private static readonly Option<string?> DeliveryId = new("--delivery") { Description = "Only images of this delivery.", HelpName = "ID" };
    private static readonly Option<bool?> Excluded = new("--excluded") { Description = "Only images that a reviewer excluded; with false only the others." };

    private static readonly Option<string?> State = new Option<string?>("--state") { Description = "Only images whose label is in this state." }
        .AcceptOnlyFromAmong("unlabelled", "settled", "conflict");

    public static Command Create() =>
        new Command("images", "List, show, save and forget images of the catalogue.")
        {
            new Command("list", "Images in the order in which they came.")
            {
                Limit, Diagnosis, State, Quality, Source, Licence, Group, IsicId, DeliveryId, Excluded,
            }.Runs(ListAsync),
            new Command("show", "One image with its claims, and where it went.") { Id }.Runs(ShowAsync),
            new Command("save", "Write the bytes of an image to a file.") { Id, FileName }.Runs(SaveAsync),
            ForgetCommand.Create(),
        }.Runs(ListAsync);

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        // Without the word `list` there is no option, and not its default either.
        var wanted = context.Arguments.GetResult(Limit) is null ? DefaultLimit : context.Arguments.GetValue(Limit);
        if (wanted < 1)
            throw new CommandFailure($"--limit is {wanted}; it must be 1 or more.", ExitCodes.Usage);
        var request = Filter(context.Arguments);
        var gateway = await context.ConnectAsync(cancellationToken);
        var images = new List<Image>();
        do
        {
            request.PageSize = Math.Min(LargestPage, wanted - images.Count);
            var page = await gateway.ReadAsync(options => gateway.Catalog.ListImagesAsync(request, options), cancellationToken);
            images.AddRange(page.Images);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0 && images.Count < wanted);

        var document = new ImageListDocument([.. images.Select(ImageDocument.From)], request.PageToken.Length > 0);
        context.Terminal.Write(document, console => ImageScreen.WriteList(console, images, document.More));
        return ExitCodes.Success;
    }

    private static ListImagesRequest Filter(ParseResult arguments)
    {
        var request = new ListImagesRequest();
        if (arguments.GetValue(Diagnosis) is { } diagnosis)
            request.Diagnosis = diagnosis;
        if (arguments.GetValue(State) is { } state)
            request.LabelState = Enum.Parse<LabelState>(state, ignoreCase: true);
        if (arguments.GetValue(Quality) is { } quality)
            request.QualityFlag = quality;
        if (arguments.GetValue(Source) is { } source)
            request.Source = source;
        if (arguments.GetValue(Licence) is { } licence)
            request.Licence = licence;
        if (arguments.GetValue(Group) is { } group)
            request.GroupId = group;
        if (arguments.GetValue(IsicId) is { } isicId)
            request.IsicId = isicId;
        if (arguments.GetValue(DeliveryId) is { } delivery)
            request.DeliveryId = delivery;
        if (arguments.GetValue(Excluded) is { } excluded)
            request.Excluded = excluded;
        return request;
    }

    private static async Task<int> ShowAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new GetImageRequest { ImageId = context.Arguments.GetRequiredValue(Id) };
        var details = await gateway.ReadAsync(options => gateway.Catalog.GetImageAsync(request, options), cancellationToken);
        context.Terminal.Write(ImageDetailsDocument.From(details), console => ImageScreen.Write(console, details));
        return ExitCodes.Success;
    }

    private static async Task<int> SaveAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var (id, path) = (context.Arguments.GetRequiredValue(Id), context.Arguments.GetRequiredValue(FileName));
        var gateway = await context.ConnectAsync(cancellationToken);
        var saved = await PictureSaver.SaveAsync(gateway, id, path, cancellationToken);
        context.Terminal.Write(saved, console => console.WriteLine(FormattableString.Invariant($"{saved.Bytes:N0} bytes ({saved.MediaType}) are in {path}.")));
        return ExitCodes.Success;
    }
}
