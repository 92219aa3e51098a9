namespace Melanoma.Imaging.NearDuplicates;

/// <summary>A signature made ready for looking up and comparing: its cells as numbers and the keys of its windows.</summary>
internal sealed class PictureKeys
{
    public PictureKeys(PictureSignature picture)
    {
        Cells = new float[PictureSignature.CellCount];
        var cells = picture.Cells;
        for (var i = 0; i < cells.Length; i++)
            Cells[i] = cells[i];
        StoredWindows = FrameWindow.Stored(picture);
        SoughtWindows = FrameWindow.SoughtIn(picture);
        Stored = WaveKey.Of(Cells, StoredWindows);
        Sought = WaveKey.Of(Cells, SoughtWindows);
    }

    /// <summary>Brightness of 40 x 40 cells, 0 to 255.</summary>
    public float[] Cells { get; }

    public FrameWindow[] StoredWindows { get; }

    public FrameWindow[] SoughtWindows { get; }

    public WaveKey[] Stored { get; }

    public WaveKey[] Sought { get; }
}
