using System.Numerics;

namespace Melanoma.Contracts;

/// <summary>
/// A set of diagnoses: what a label claim names. Usually one; coarse vocabularies name several
/// (<c>bkl</c> of HAM10000 is pigmented benign keratosis or seborrheic keratosis).
/// </summary>
/// <param name="Bits">Bit i stands for the diagnosis of index i; only the lowest nine bits are used. Stored as <c>smallint</c>.</param>
public readonly record struct DiagnosisSet(short Bits)
{
    /// <summary>The set without members, which no claim may name.</summary>
    public static DiagnosisSet Empty => default;

    /// <summary>Whether the set has no member.</summary>
    public bool IsEmpty => Bits == 0;

    /// <summary>How many diagnoses the set names, 0-9.</summary>
    public int Count => BitOperations.PopCount((uint)Bits);

    /// <summary>The only member.</summary>
    /// <exception cref="InvalidOperationException">The set does not have exactly one member.</exception>
    public Diagnosis Sole =>
        Count == 1 ? (Diagnosis)BitOperations.TrailingZeroCount((uint)Bits) : throw new InvalidOperationException($"'{this}' is not a single diagnosis.");

    /// <summary>The members in index order.</summary>
    public IEnumerable<Diagnosis> Members
    {
        get
        {
            for (var index = 0; index < Diagnoses.Count; index++)
            {
                if (Contains((Diagnosis)index))
                {
                    yield return (Diagnosis)index;
                }
            }
        }
    }

    /// <summary>The set of the given diagnoses.</summary>
    public static DiagnosisSet Of(params ReadOnlySpan<Diagnosis> diagnoses)
    {
        var bits = 0;
        foreach (var diagnosis in diagnoses)
        {
            bits |= 1 << (int)diagnosis;
        }

        return new DiagnosisSet((short)bits);
    }

    /// <summary>Whether the set names this diagnosis.</summary>
    public bool Contains(Diagnosis diagnosis) => (Bits & (1 << (int)diagnosis)) != 0;

    /// <summary>Whether the set names every member of the other.</summary>
    public bool Contains(DiagnosisSet other) => (other.Bits & ~Bits) == 0;

    /// <summary>Whether the two sets share a diagnosis.</summary>
    public bool Meets(DiagnosisSet other) => (Bits & other.Bits) != 0;

    /// <summary>The diagnoses that both sets name.</summary>
    public DiagnosisSet Intersect(DiagnosisSet other) => new((short)(Bits & other.Bits));

    /// <summary>The names of the members, joined by " or ".</summary>
    public override string ToString() => IsEmpty ? "nothing" : string.Join(" or ", Members.Select(Diagnoses.NameOf));
}
