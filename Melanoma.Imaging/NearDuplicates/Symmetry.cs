namespace Melanoma.Imaging.NearDuplicates;

/// <summary>One of the views of <see cref="SquareSymmetry"/>, and what near-duplicates need to know of it.</summary>
internal readonly record struct Symmetry(int Index)
{
    public const int Count = SquareSymmetry.Count;

    /// <summary>Rows become columns.</summary>
    public bool Swaps => SquareSymmetry.Exchanges(Index);

    /// <summary>Left and right change places, after the swap.</summary>
    public bool MirrorsAcross => SquareSymmetry.MirrorsColumns(Index);

    /// <summary>Top and bottom change places, after the swap.</summary>
    public bool MirrorsDown => SquareSymmetry.MirrorsRows(Index);

    /// <summary>The way back: a mirroring before the swap is one of the other axis after it.</summary>
    public Symmetry Inverse => Swaps ? new(4 | ((Index & 1) << 1) | ((Index & 2) >> 1)) : this;

    /// <summary>True where no turn alone does it.</summary>
    public bool IsMirrored => Swaps ^ MirrorsAcross ^ MirrorsDown;

    /// <summary>Clockwise turn in degrees, behind a left-right mirroring where there is one.</summary>
    public int Turn => Index switch
    {
        0 or 1 => 0,
        2 or 3 => 180,
        // Swapped and mirrored across: a turn clockwise; swapped alone: mirrored, then turned anticlockwise.
        4 or 6 => 270,
        _ => 90,
    };
}
