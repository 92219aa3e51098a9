namespace Melanoma.Imaging.NearDuplicates;

/// <summary>One of the eight ways to lay a square on itself: first its axes are swapped or not, then each is mirrored or not.</summary>
internal readonly record struct Symmetry(int Index)
{
    public const int Count = 8;

    /// <summary>Rows become columns.</summary>
    public bool Swaps => (Index & 4) != 0;

    /// <summary>Left and right change places, after the swap.</summary>
    public bool MirrorsAcross => (Index & 1) != 0;

    /// <summary>Top and bottom change places, after the swap.</summary>
    public bool MirrorsDown => (Index & 2) != 0;

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
