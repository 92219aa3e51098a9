using Melanoma.Imaging;

namespace Melanoma.Ingestion.Images;

/// <summary>The short words for doubts about quality, as the wire and the command line have them.</summary>
internal static class QualityWords
{
    /// <summary>Asks for images with any doubt.</summary>
    public const string Any = "any";

    private static readonly (QualityFlags Flag, string Word)[] Words =
    [
        (QualityFlags.TooSmall, "too-small"),
        (QualityFlags.Blurred, "blurred"),
        (QualityFlags.Underexposed, "under-exposed"),
        (QualityFlags.Overexposed, "over-exposed"),
        (QualityFlags.Blank, "blank"),
        (QualityFlags.NotDermoscopic, "not-dermoscopic"),
    ];

    public static IEnumerable<string> All => Words.Select(pair => pair.Word);

    /// <summary>The words of the flags that are set.</summary>
    /// <param name="flags">The bits of <see cref="QualityFlags"/>.</param>
    public static IEnumerable<string> Of(short flags) => Words.Where(pair => (flags & (short)pair.Flag) != 0).Select(pair => pair.Word);

    /// <summary>The bits that a word stands for; null for an unknown word.</summary>
    public static short? Parse(string word) => word == Any
        ? (short)Words.Sum(pair => (int)pair.Flag)
        : Words.Where(pair => pair.Word == word).Select(pair => (short?)pair.Flag).FirstOrDefault();
}
