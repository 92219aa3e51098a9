namespace Melanoma.Imaging;

/// <summary>The short words for doubts about quality, as the wire and the command line have them.</summary>
public static class QualityWords
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

    /// <summary>All of them.</summary>
    public static IEnumerable<string> All => Words.Select(pair => pair.Word);

    /// <summary>The words of the flags that are set.</summary>
    /// <param name="flags">The bits of <see cref="QualityFlags"/>.</param>
    public static IEnumerable<string> Of(QualityFlags flags) => Of((short)flags);

    /// <summary>The words of the flags that are set.</summary>
    /// <param name="flags">The bits of <see cref="QualityFlags"/>.</param>
    public static IEnumerable<string> Of(short flags) => Words.Where(pair => (flags & (short)pair.Flag) != 0).Select(pair => pair.Word);

    /// <summary>The bits that a word stands for; null for an unknown word.</summary>
    /// <param name="word">One of <see cref="All"/>, or <see cref="Any"/>.</param>
    public static short? Parse(string word) => word == Any
        ? (short)Words.Sum(pair => (int)pair.Flag)
        : Words.Where(pair => pair.Word == word).Select(pair => (short?)pair.Flag).FirstOrDefault();
}
