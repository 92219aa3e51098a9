using System.Security.Cryptography;
using System.Text;
using Melanoma.Testing;

namespace Melanoma.Imaging.Benchmarks;

internal enum Verdict
{
    /// <summary>The same ISIC id, or a pair that a person verified.</summary>
    True,

    /// <summary>Two ids of one lesion, which nobody has looked at.</summary>
    SameLesion,

    /// <summary>A pair that was listed and not viewed.</summary>
    Unknown,

    /// <summary>Two lesions.</summary>
    False,
}

/// <summary>What is known of pairs of pictures.</summary>
internal sealed class Truth
{
    private readonly Dictionary<string, string> _lesions;
    private readonly HashSet<(string, string)> _verified = [];
    private readonly HashSet<(string, string)> _unseen = [];

    public Truth(string folder)
    {
        _lesions = PicturePack.ReadLesions(Path.Combine(folder, "ham10000-200x150.zip"));
        using var labels = File.OpenText(Path.Combine(folder, "labels.csv"));
        foreach (var fields in Rows(labels))
        {
            if (fields[11].StartsWith("HAM_", StringComparison.Ordinal))
                _lesions[fields[0]] = fields[11];
        }

        using var pairs = File.OpenText(Path.Combine(folder, "near-duplicates.csv"));
        foreach (var fields in Rows(pairs))
            (fields[7].StartsWith("not viewed", StringComparison.Ordinal) ? _unseen : _verified).Add(Ordered(fields[1], fields[2]));
    }

    /// <summary>The half of the data on which constants may be chosen; the other is only reported.</summary>
    public static bool IsTuning(string isicId) => SHA256.HashData(Encoding.ASCII.GetBytes(isicId))[0] % 2 == 0;

    public Verdict Of(string a, string b)
    {
        if (a == b || _verified.Contains(Ordered(a, b)))
            return Verdict.True;
        if (_unseen.Contains(Ordered(a, b)))
            return Verdict.Unknown;
        return _lesions.TryGetValue(a, out var left) && _lesions.TryGetValue(b, out var right) && left == right ? Verdict.SameLesion : Verdict.False;
    }

    public static (string, string) Ordered(string a, string b) => string.CompareOrdinal(a, b) <= 0 ? (a, b) : (b, a);

    // The fields that are read stand before any that is quoted.
    private static IEnumerable<string[]> Rows(TextReader reader)
    {
        reader.ReadLine();
        while (reader.ReadLine() is { } line)
            yield return [.. line.Split(',').Select(field => field.Trim('"'))];
    }
}
