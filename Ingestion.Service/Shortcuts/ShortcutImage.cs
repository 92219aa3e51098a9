using Melanoma.Contracts;
using Melanoma.Imaging;

namespace Melanoma.Ingestion.Shortcuts;

/// <summary>An image of a dataset without its picture: its class, and what is no medicine.</summary>
/// <param name="Label">The resolved label, never empty; several diagnoses where it is coarse.</param>
/// <param name="Group">Its lesion group: images of one group are never on both sides of a fold.</param>
/// <param name="Source">The collection that it comes from, or null where nobody said.</param>
/// <param name="Licence">The licence, or null.</param>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Sharpness"><see cref="ImageQuality.Sharpness"/>, or null where it was not measured.</param>
/// <param name="Properties">What the file shows, or null where it was not measured.</param>
internal readonly record struct ShortcutImage(
    DiagnosisSet Label,
    Guid Group,
    string? Source,
    string? Licence,
    int Width,
    int Height,
    double? Sharpness,
    ImageProperties? Properties);
