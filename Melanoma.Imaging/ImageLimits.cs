namespace Melanoma.Imaging;

/// <summary>What a picture may cost. Judged on the header, before any pixel is decoded.</summary>
public sealed record ImageLimits
{
    /// <summary>The product's limits: 20 MiB, 64 Mi pixels (so that the pictures of a "64 megapixel" phone fit), sides from 16 to 20,000 pixels.</summary>
    public static ImageLimits Default { get; } = new();

    /// <summary>Largest file, in bytes; default 20 MiB.</summary>
    public int MaxBytes { get; init; } = 20 * 1024 * 1024;

    /// <summary>Largest picture, width x height in pixels; default 64 x 1024 x 1024.</summary>
    public long MaxPixels { get; init; } = 64L * 1024 * 1024;

    /// <summary>Longest side in pixels; default 20,000, never above 65,535.</summary>
    public int MaxSide { get; init; } = 20_000;

    /// <summary>Shortest side in pixels; default 16.</summary>
    public int MinSide { get; init; } = 16;
}
