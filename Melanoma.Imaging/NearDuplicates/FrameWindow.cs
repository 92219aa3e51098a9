namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A part of a picture with upright sides.</summary>
internal readonly record struct FrameWindow(FrameInterval Across, FrameInterval Down)
{
    // What a square picture may have been before somebody squashed it: dermoscopes and cameras give 4:3.
    private const double UsualRatio = 0.75;

    /// <summary>Windows that every picture in the index is known by: the whole, the middle of it, the centre square.</summary>
    public const int StoredCount = 3;

    private static readonly FrameWindow Whole = Centred(1, 1);
    private static readonly FrameWindow Middle = Centred(0.76, 0.76);

    private static readonly FrameWindow[] Sought =
    [
        Whole, Centred(0.97, 0.97), Centred(0.94, 0.94), Centred(0.9, 0.9), Centred(0.87, 0.87), Centred(0.84375, 0.84375), Centred(0.82, 0.82), Centred(0.79, 0.79), Middle,
    ];

    public static FrameWindow[] Stored(PictureSignature picture) => [Whole, Middle, CentreSquare(picture)];

    /// <summary>Windows by which a picture is sought: one of them shows the same as a stored window of its near-duplicate.</summary>
    public static FrameWindow[] SoughtIn(PictureSignature picture) => [.. Sought, CentreSquare(picture)];

    private static FrameWindow Centred(double width, double height) => new(FrameInterval.Centred(width), FrameInterval.Centred(height));

    private static FrameWindow CentreSquare(PictureSignature picture)
    {
        var ratio = (double)picture.Height / picture.Width;
        if (Math.Abs(ratio - 1) < 0.02)
            ratio = UsualRatio;
        return ratio < 1 ? Centred(Math.Max(ratio, 0.5), 1) : Centred(1, Math.Max(1 / ratio, 0.5));
    }
}
