namespace Melanoma.Contracts;

/// <summary>
/// The nine diagnoses of the ISIC nine-class collection. The numeric value is the index (0-8) of the diagnosis in every
/// vector of nine: probabilities, model outputs, class counts.
/// </summary>
public enum Diagnosis
{
    /// <summary>Actinic keratosis, a pre-malignant lesion of sun-damaged skin.</summary>
    ActinicKeratosis = 0,

    /// <summary>Basal cell carcinoma; malignant.</summary>
    BasalCellCarcinoma = 1,

    /// <summary>Dermatofibroma; benign.</summary>
    Dermatofibroma = 2,

    /// <summary>Melanoma; malignant.</summary>
    Melanoma = 3,

    /// <summary>Melanocytic nevus; benign.</summary>
    Nevus = 4,

    /// <summary>Pigmented benign keratosis; benign.</summary>
    PigmentedBenignKeratosis = 5,

    /// <summary>Seborrheic keratosis; benign.</summary>
    SeborrheicKeratosis = 6,

    /// <summary>Squamous cell carcinoma; malignant.</summary>
    SquamousCellCarcinoma = 7,

    /// <summary>Vascular lesion; benign.</summary>
    VascularLesion = 8,
}
