using System.Reflection;

namespace Melanoma.ServiceDefaults;

/// <summary>What this process was built from.</summary>
public static class ProductVersion
{
    /// <summary>The header of health answers that tells it.</summary>
    public const string Header = "x-melanoma-version";

    private const int CommitLength = 12;

    /// <summary>The version and, where the build knew it, the beginning of the commit: <c>0.1.0+456948b03b46</c>.</summary>
    public static string Text { get; } = Shorten(Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown");

    private static string Shorten(string version)
    {
        var plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? version : version[..Math.Min(version.Length, plus + 1 + CommitLength)];
    }
}
