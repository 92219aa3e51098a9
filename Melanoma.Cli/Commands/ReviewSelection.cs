using System.CommandLine;
using Melanoma.Contracts.V1;

namespace Melanoma.Cli.Commands;

/// <summary>The options that say which pictures a decision is about.</summary>
internal static class ReviewSelection
{
    private static readonly Option<string[]> Items =
        new("--item") { Description = "The pictures of these review items.", AllowMultipleArgumentsPerToken = true, HelpName = "ID" };

    private static readonly Option<string[]> Images =
        new("--image") { Description = "These images.", AllowMultipleArgumentsPerToken = true, HelpName = "ID" };

    private static readonly Option<string[]> Conflict = new("--conflict")
    {
        Description = "Pictures of lesions whose contradicting labels are exactly these two diagnoses, or more.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIAGNOSIS",
    };

    private static readonly Option<string?> Folder =
        new("--folder") { Description = "Pictures that lay in the class folder of this diagnosis.", HelpName = "CLASS" };

    private static readonly Option<string?> FirstIsicId =
        new("--isic-from") { Description = "Pictures with an ISIC id from this one on.", HelpName = "ISIC_ID" };

    private static readonly Option<string?> LastIsicId =
        new("--isic-to") { Description = "Pictures with an ISIC id up to this one.", HelpName = "ISIC_ID" };

    private static readonly Option<string?> Delivery =
        new("--delivery") { Description = "Pictures that this delivery brought.", HelpName = "ID" };

    public static IReadOnlyList<Option> Options { get; } = [Items, Images, Conflict, Folder, FirstIsicId, LastIsicId, Delivery];

    /// <summary>What was given on the command line; every condition must hold.</summary>
    /// <exception cref="CommandFailure">Nothing was given.</exception>
    public static ImageSelection Read(ParseResult arguments)
    {
        var selection = new ImageSelection();
        selection.ItemIds.AddRange(arguments.GetValue(Items) ?? []);
        selection.ImageIds.AddRange(arguments.GetValue(Images) ?? []);
        selection.ConflictBetween.AddRange(arguments.GetValue(Conflict) ?? []);
        if (arguments.GetValue(Folder) is { } folder)
            selection.Folder = folder;
        if (arguments.GetValue(FirstIsicId) is { } first)
            selection.FirstIsicId = first;
        if (arguments.GetValue(LastIsicId) is { } last)
            selection.LastIsicId = last;
        if (arguments.GetValue(Delivery) is { } delivery)
            selection.DeliveryId = delivery;
        return selection.CalculateSize() > 0
            ? selection
            : throw new CommandFailure($"Say which pictures: {string.Join(", ", Options.Select(option => option.Name))}.", ExitCodes.Usage);
    }
}
