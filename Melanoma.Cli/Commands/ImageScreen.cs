using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary>Images for people.</summary>
internal static class ImageScreen
{
    public static void WriteList(IAnsiConsole console, IReadOnlyCollection<Image> images, bool more)
    {
        if (images.Count == 0)
        {
            console.WriteLine("There are no such images.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in (ReadOnlySpan<string>)["image", "label", "size", "ISIC id", "source", "licence", "first path"])
            table.AddColumn(header);
        foreach (var image in images)
        {
            table.AddRow(
                image.ImageId, LabelMarkup(image), FormattableString.Invariant($"{image.Width} x {image.Height}"),
                Markup.Escape(string.Join(", ", image.IsicIds)), Markup.Escape(image.Source), Markup.Escape(image.Licence), Markup.Escape(image.FirstPath));
        }

        console.Write(table);
        if (more)
            console.WriteLine("There are more: --limit N shows them, and filters narrow them down.");
    }

    public static void Write(IAnsiConsole console, ImageDetails details)
    {
        var image = details.Image;
        var grid = new Grid().AddColumn().AddColumn();
        grid.AddRow("image", image.ImageId).AddRow("SHA-256", image.Sha256).AddRow("label", LabelMarkup(image));
        grid.AddRow("picture", Markup.Escape(FormattableString.Invariant($"{image.Width} x {image.Height}, {image.MediaType}, {image.SizeBytes:N0} bytes")));
        grid.AddRow("delivered", Markup.Escape($"{image.ReceivedAt?.ToDateTimeOffset():u} as {image.FirstPath}"));
        AddFact(grid, "decision", details.Decision);
        AddFact(grid, "ISIC ids", string.Join(", ", image.IsicIds));
        AddFact(grid, "source", image.Source);
        AddFact(grid, "licence", image.Licence);
        AddFact(grid, "attribution", image.Attribution);
        AddFact(grid, "patient", string.Join(", ", Patient(image)));
        AddFact(grid, "quality", string.Join(", ", details.QualityReasons));
        AddFact(grid, "lesion group", FormattableString.Invariant($"{image.GroupId}, {details.GroupImages.Count} other images"));
        AddFact(grid, "datasets", string.Join(", ", details.Datasets.Select(use => FormattableString.Invariant($"{use.DatasetId} ({use.Split})"))));
        AddFact(grid, "trained models", string.Join(", ", details.TrainedModels));
        console.Write(grid);
        if (details.Claims.Count > 0)
            WriteClaims(console, details);
        foreach (var near in details.NearDuplicates)
        {
            var transform = near.Transform.Length > 0 ? $", {near.Transform}" : "";
            console.WriteLine(FormattableString.Invariant($"Near-duplicate of {near.ImageId} (similarity {near.Similarity:0.000}{transform})."));
        }
    }

    private static void WriteClaims(IAnsiConsole console, ImageDetails details)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Claims about the lesion");
        foreach (var header in (ReadOnlySpan<string>)["rank", "diagnoses", "who", "image"])
            table.AddColumn(header);
        foreach (var claim in details.Claims)
        {
            table.AddRow(
                Markup.Escape(claim.Rank), Markup.Escape(string.Join(" or ", claim.Diagnoses)), Markup.Escape(claim.ClaimedBy),
                claim.ImageId == details.Image.ImageId ? "this one" : claim.ImageId);
        }

        console.Write(table);
    }

    private static IEnumerable<string> Patient(Image image)
    {
        if (image.HasAgeYears)
            yield return FormattableString.Invariant($"{image.AgeYears} years");
        if (image.HasSex)
            yield return image.Sex;
        if (image.HasSite)
            yield return image.Site;
        if (image.HasSkinTone)
            yield return $"skin type {image.SkinTone}";
    }

    private static void AddFact(Grid grid, string name, string value)
    {
        if (value.Length > 0)
            grid.AddRow(name, Markup.Escape(value));
    }

    private static string LabelMarkup(Image image) => image switch
    {
        { Forgotten: true } => "[red]forgotten[/]",
        { Excluded: true } => "[yellow]excluded[/]",
        { LabelState: LabelState.Settled } => Markup.Escape(string.Join(" or ", image.Label)),
        { LabelState: LabelState.Conflict } => "[yellow]conflict[/]",
        _ => "[grey]none[/]",
    };
}
