namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A part of a picture with upright sides.</summary>
internal readonly record struct FrameWindow(FrameInterval Across, FrameInterval Down)
{
    // What a square picture may have been before somebody squashed it: dermoscopes and cameras give 4:3.
    private const double UsualRatio = 0.75;

    /// <summary>Windows that every picture in the index is known by: the whole, the middle of it, the centre square.</summary>
    public const int StoredCount = 3;

    // How much of the middle the second stored window keeps: a picture cut by up to 12 % at any side still has it.
    private const double Kept = 0.76;

    private static readonly FrameInterval All = FrameInterval.Centred(1);
    private static readonly FrameInterval Inner = FrameInterval.Centred(Kept);
    private static readonly FrameWindow Whole = new(All, All);
    private static readonly FrameWindow Middle = new(Inner, Inner);

    // Evenly cut copies: 0.9 is a copy cut by 5 % a side seen from the larger picture, 0.84375 (the kept middle of it) seen from the smaller.
    private static readonly double[] EvenCuts = [1, 0.97, 0.94, 0.9, 0.87, 0.84375, 0.82, 0.79, Kept];

    // What a copy lost at one side, or at two that meet.
    private static readonly double[] UnevenCuts = [0.05, 0.1];

    private static readonly FrameWindow[] Sought = [.. EvenCuts.Select(side => Centred(side, side)), .. Uneven()];

    public static FrameWindow[] Stored(PictureSignature picture) => [Whole, Middle, CentreSquare(picture)];

    /// <summary>Windows by which a picture is sought: one of them shows the same as a stored window of its near-duplicate.</summary>
    public static FrameWindow[] SoughtIn(PictureSignature picture) => [.. Sought, CentreSquare(picture)];

    private static FrameWindow Centred(double width, double height) => new(FrameInterval.Centred(width), FrameInterval.Centred(height));

    // Windows with one row stretch stand together, so that it is computed once.
    private static IEnumerable<FrameWindow> Uneven()
    {
        foreach (var cut in UnevenCuts)
        {
            // As the larger picture sees the whole of its copy, and as the copy sees the middle of the larger picture.
            foreach (var (part, rest) in new[] { (new FrameInterval(cut, 1), All), (new FrameInterval((0.5 - (Kept / 2) - cut) / (1 - cut), (0.5 + (Kept / 2) - cut) / (1 - cut)), Inner) })
            {
                FrameInterval[] sides = [part, part.Mirrored()];
                foreach (var across in sides)
                    yield return new(across, rest);
                foreach (var down in sides)
                {
                    foreach (var across in (FrameInterval[])[rest, .. sides])
                        yield return new(across, down);
                }
            }
        }
    }

    private static FrameWindow CentreSquare(PictureSignature picture)
    {
        var ratio = (double)picture.Height / picture.Width;
        if (Math.Abs(ratio - 1) < 0.02)
            ratio = UsualRatio;
        return ratio < 1 ? Centred(Math.Max(ratio, 0.5), 1) : Centred(1, Math.Max(1 / ratio, 0.5));
    }
}
