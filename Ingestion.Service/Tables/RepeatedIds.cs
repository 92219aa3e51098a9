using System.Globalization;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// What one table has said of each id so far, so that rows of one id that differ all make their claims instead of the last replacing the others. About
/// 30 bytes an id, and an id has seven digits.
/// </summary>
internal sealed class RepeatedIds
{
    private const int DiagnosisBits = 9;
    private const short AnyDiagnosis = (1 << DiagnosisBits) - 1;

    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    // By name and id: the claim of the first row, and where there are more, those of all.
    private readonly Dictionary<long, short> _first = [];
    private readonly Dictionary<long, List<short>> _all = [];

    /// <summary>Ids whose rows contradict each other.</summary>
    public int Contradictory { get; private set; }

    /// <summary>Finds the place of the next row.</summary>
    /// <param name="name">Under which name it is kept, see <see cref="TableNames.Of"/>.</param>
    /// <param name="row">The row.</param>
    /// <returns>0 for the first row of its id, from 1 for a further one that claims something else; null where it claims nothing new.</returns>
    public int? Place(string name, TableRow row)
    {
        if (!_names.TryGetValue(name, out var number))
            _names.Add(name, number = _names.Count);
        var key = ((long)number << 32) | uint.Parse(row.IsicId.AsSpan("ISIC_".Length), CultureInfo.InvariantCulture);
        var claim = Encode(row);
        if (_first.TryAdd(key, claim))
            return 0;
        var claims = _all.TryGetValue(key, out var several) ? several : [_first[key]];
        if (claim == 0 || claims.Contains(claim))
            return null;

        var left = claims.Where(earlier => earlier != 0).Aggregate(AnyDiagnosis, (common, earlier) => (short)(common & earlier));
        if (left != 0 && (left & claim) == 0)
            Contradictory++;
        claims.Add(claim);
        _all[key] = claims;
        return claims.Count - 1;
    }

    // The same diagnoses with another weight are another claim.
    private static short Encode(TableRow row) => row.Diagnoses is { } diagnoses ? (short)(((short)row.Rank << DiagnosisBits) | (ushort)diagnoses.Bits) : (short)0;
}
