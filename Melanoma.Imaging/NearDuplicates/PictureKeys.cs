namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A signature made ready for looking up and comparing: its cells as numbers and the keys of its windows, each computed when first asked for.</summary>
internal sealed class PictureKeys
{
    private readonly PictureSignature _picture;

    // Two threads may both compute them: the same ones.
    private WindowKeys? _stored;
    private WindowKeys? _sought;

    public PictureKeys(PictureSignature picture)
    {
        _picture = picture;
        Cells = new float[PictureSignature.CellCount];
        var cells = picture.Cells;
        for (var i = 0; i < cells.Length; i++)
            Cells[i] = cells[i];
    }

    /// <summary>Brightness of 40 x 40 cells, 0 to 255.</summary>
    public float[] Cells { get; }

    /// <summary>The windows that the picture is known by in the index.</summary>
    public WindowKeys Stored => _stored ??= Of(FrameWindow.Stored(_picture));

    /// <summary>The windows by which its near-duplicates are sought.</summary>
    public WindowKeys Sought => _sought ??= Of(FrameWindow.SoughtIn(_picture));

    private WindowKeys Of(FrameWindow[] windows) => new(windows, WaveKey.Of(Cells, windows));

    internal sealed record WindowKeys(FrameWindow[] Windows, WaveKey[] Keys);
}
