namespace Melanoma.Storage;

/// <summary>How enums stand in text columns, for the hand-written SQL beside the model.</summary>
public static class EnumText
{
    /// <summary>The text of a value, the same that the model's converter stores.</summary>
    public static string ToColumn<TEnum>(this TEnum value)
        where TEnum : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>The value of a text column.</summary>
    /// <exception cref="ArgumentException">No value has this name.</exception>
    public static TEnum FromColumn<TEnum>(string text)
        where TEnum : struct, Enum => Enum.Parse<TEnum>(text, ignoreCase: true);
}
