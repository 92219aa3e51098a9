namespace Melanoma.Imaging;

/// <summary>How the colours of a JPEG are stored beside its brightness.</summary>
public enum ChromaSubsampling : short
{
    /// <summary>No JPEG, or a JPEG without colours.</summary>
    None = 0,

    /// <summary>4:4:4: at full size.</summary>
    Full = 1,

    /// <summary>4:2:2: at half the width.</summary>
    HalfWidth = 2,

    /// <summary>4:2:0: at half the width and half the height.</summary>
    Quarter = 3,

    /// <summary>In some other way.</summary>
    Other = 4,
}
