namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A stretch of one axis, in parts of the picture's side; it may reach a little over the border.</summary>
internal readonly record struct Stretch(float From, float To)
{
    // How far over the border a fitted stretch may reach.
    private const float Overhang = 0.02f;

    public float Length => To - From;

    public Stretch Mirrored => new(1 - To, 1 - From);

    /// <summary>Moved and lengthened about its middle, both in samples of a patch (a length of 0.1: a tenth more).</summary>
    public Stretch Fitted(float shift, float lengthening)
    {
        var unit = Length / Patch.Side;
        var half = lengthening * Patch.Side / 2;
        return new(From + ((shift - half) * unit), To + ((shift + half) * unit));
    }

    /// <summary>Whether both ends are within a distance of another's, and inside the picture.</summary>
    public bool IsNear(in Stretch other, float distance) =>
        From >= -Overhang && To <= 1 + Overhang && MathF.Abs(From - other.From) <= distance && MathF.Abs(To - other.To) <= distance;
}
