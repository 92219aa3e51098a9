using System.Diagnostics.CodeAnalysis;

namespace Melanoma.Imaging;

/// <summary>What is doubtful about a picture. A flag never refuses one: it is stored beside it, to be filtered by.</summary>
[Flags]
[SuppressMessage("Naming", "CA1711", Justification = "They are flags, and 'flag' is the word for a doubtful picture in data work.")]
public enum QualityFlags : short
{
    /// <summary>Nothing is doubtful.</summary>
    None = 0,

    /// <summary>The shorter side has fewer pixels than the measures need.</summary>
    TooSmall = 1,

    /// <summary>Fine detail is missing.</summary>
    Blurred = 2,

    /// <summary>Even its bright parts are dark.</summary>
    Underexposed = 4,

    /// <summary>A colour is at its limit nearly everywhere.</summary>
    Overexposed = 8,

    /// <summary>Most of it shows nothing.</summary>
    Blank = 16,

    /// <summary>Its colours, edges and structure are not those of dermoscopy.</summary>
    NotDermoscopic = 32,
}
