using System.Collections.Frozen;
using System.Collections.Immutable;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Tables;

/// <summary>
/// The one mapping from the words of every source to ours; <c>docs/vocabularies.md</c> says the same and a test holds them together.
/// A coarser word is a set, and a word for something that is none of the nine diagnoses is not here: it claims nothing.
/// </summary>
internal static class Vocabularies
{
    private static readonly DiagnosisSet Ak = DiagnosisSet.Of(Diagnosis.ActinicKeratosis);
    private static readonly DiagnosisSet Bcc = DiagnosisSet.Of(Diagnosis.BasalCellCarcinoma);
    private static readonly DiagnosisSet Df = DiagnosisSet.Of(Diagnosis.Dermatofibroma);
    private static readonly DiagnosisSet Mel = DiagnosisSet.Of(Diagnosis.Melanoma);
    private static readonly DiagnosisSet Nv = DiagnosisSet.Of(Diagnosis.Nevus);
    private static readonly DiagnosisSet Pbk = DiagnosisSet.Of(Diagnosis.PigmentedBenignKeratosis);
    private static readonly DiagnosisSet Sk = DiagnosisSet.Of(Diagnosis.SeborrheicKeratosis);
    private static readonly DiagnosisSet Scc = DiagnosisSet.Of(Diagnosis.SquamousCellCarcinoma);
    private static readonly DiagnosisSet Vasc = DiagnosisSet.Of(Diagnosis.VascularLesion);

    // Actinic keratoses and intraepithelial carcinoma; solar lentigo, seborrheic and lichen-planus-like keratosis.
    private static readonly DiagnosisSet Akiec = Union(Ak, Scc);
    private static readonly DiagnosisSet Bkl = Union(Pbk, Sk);

    private static readonly DiagnosisSet Benign = Union(Ak, Df, Nv, Pbk, Sk, Vasc);

    /// <summary>Our nine names: plain tables.</summary>
    public static Vocabulary Own { get; } = new("Our own names (plain tables)",
        [.. Diagnoses.Names.Select((name, index) => (name, DiagnosisSet.Of((Diagnosis)index)))]);

    /// <summary>Column <c>dx</c> of HAM10000.</summary>
    public static Vocabulary Ham { get; } = new("HAM10000, column dx",
    [
        ("akiec", Akiec), ("bcc", Bcc), ("bkl", Bkl), ("df", Df), ("mel", Mel), ("nv", Nv), ("vasc", Vasc),
    ]);

    /// <summary>Columns of the ground truth of 2017; a row without any 1 is a nevus by the definition of that challenge.</summary>
    public static Vocabulary GroundTruth2017 { get; } = new("ISIC 2017 ground truth, columns", [("melanoma", Mel), ("seborrheic_keratosis", Sk)]);

    /// <summary>What a row of the ground truth of 2017 is that has neither.</summary>
    public static DiagnosisSet GroundTruth2017Rest => Nv;

    /// <summary>Columns of the ground truth of 2018.</summary>
    public static Vocabulary GroundTruth2018 { get; } = new("ISIC 2018 ground truth, columns",
    [
        ("MEL", Mel), ("NV", Nv), ("BCC", Bcc), ("AKIEC", Akiec), ("BKL", Bkl), ("DF", Df), ("VASC", Vasc),
    ]);

    /// <summary>Columns of the ground truth of 2019; its <c>UNK</c>, none of the others, is no claim.</summary>
    public static Vocabulary GroundTruth2019 { get; } = new("ISIC 2019 ground truth, columns",
    [
        ("MEL", Mel), ("NV", Nv), ("BCC", Bcc), ("AK", Ak), ("BKL", Bkl), ("DF", Df), ("VASC", Vasc), ("SCC", Scc),
    ]);

    /// <summary>Words of the ISIC Archive under which everything belongs to the set, whatever finer word stands beside it.</summary>
    public static Vocabulary Archive { get; } = new("ISIC Archive, diagnosis and diagnosis_1 to diagnosis_5",
    [
        ("actinic keratosis", Ak),
        ("solar or actinic keratosis", Ak),
        ("basal cell carcinoma", Bcc),
        ("baso-squamous carcinoma", Union(Bcc, Scc)),
        ("dermatofibroma", Df),
        ("melanoma", Mel),
        ("melanoma metastasis", Mel),
        ("melanoma in situ", Mel),
        ("melanoma invasive", Mel),
        ("melanoma, nos", Mel),
        ("malignant melanocytic proliferations (melanoma)", Mel),
        ("nevus", Nv),
        ("nevus spilus", Nv),
        ("blue nevus", Nv),
        ("pigmented benign keratosis", Pbk),
        ("seborrheic keratosis", Sk),
        ("solar lentigo", Bkl),
        ("lichenoid keratosis", Bkl),
        ("lichen planus like keratosis", Bkl),
        ("squamous cell carcinoma", Scc),
        ("squamous cell carcinoma in situ", Scc),
        ("squamous cell carcinoma, invasive", Scc),
        ("squamous cell carcinoma, nos", Scc),
        ("vascular lesion", Vasc),
        ("angioma", Vasc),
        ("hemangioma", Vasc),
        ("angiokeratoma", Vasc),
        ("pyogenic granuloma", Vasc),
        ("hemorrhage", Vasc),
        ("benign soft tissue proliferations - vascular", Vasc),
    ]);

    /// <summary>Words of the ISIC Archive that also cover what is none of the nine: they count only where no finer word stands beside them.</summary>
    public static Vocabulary ArchiveCoarse { get; } = new("ISIC Archive, coarse words (where nothing finer is given)",
    [
        ("benign", Benign),
        ("malignant", Diagnoses.Malignant),
        ("benign epidermal proliferations", Benign),
        ("benign melanocytic proliferations", Benign),
        ("benign soft tissue proliferations - fibro-histiocytic", Benign),
        ("malignant adnexal epithelial proliferations - follicular", Diagnoses.Malignant),
        ("malignant epidermal proliferations", Diagnoses.Malignant),
    ]);

    /// <summary>Every vocabulary, in the order of the document.</summary>
    public static ImmutableArray<Vocabulary> All { get; } = [Own, Ham, GroundTruth2017, GroundTruth2018, GroundTruth2019, Archive, ArchiveCoarse];

    /// <summary>Words that say that nothing is known: no claim, and no reason to count.</summary>
    public static FrozenSet<string> Unknown { get; } = FrozenSet.ToFrozenSet(
        ["", "unknown", "nan", "none", "null", "n/a", "na", "unk", "indeterminate", "indeterminate/benign", "indeterminate/malignant"],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Body sites: the general sites of the ISIC challenges, and what the words of HAM10000 and of the newer archive come to.</summary>
    public static FrozenDictionary<string, string> Sites { get; } = Group(
        ("head/neck", ["head/neck", "head and neck", "scalp", "face", "ear", "neck"]),
        ("anterior torso", ["anterior torso", "anterior trunk", "abdomen", "chest"]),
        ("posterior torso", ["posterior torso", "posterior trunk", "back"]),
        ("lateral torso", ["lateral torso", "lateral trunk"]),
        ("torso", ["torso", "trunk"]),
        ("upper extremity", ["upper extremity", "hand"]),
        ("lower extremity", ["lower extremity", "foot"]),
        ("palms/soles", ["palms/soles", "acral", "palm of hand", "sole of foot"]),
        ("oral/genital", ["oral/genital", "genital", "anogenital region"]));

    /// <summary>Sexes.</summary>
    public static FrozenDictionary<string, string> Sexes { get; } = Group(("female", ["female", "f"]), ("male", ["male", "m"]));

    /// <summary>Skin tones: the types of Fitzpatrick.</summary>
    public static FrozenDictionary<string, string> SkinTones { get; } = Group(
        ("I", ["I", "1"]), ("II", ["II", "2"]), ("III", ["III", "3"]), ("IV", ["IV", "4"]), ("V", ["V", "5"]), ("VI", ["VI", "6"]));

    /// <summary>Licences by their short names; the archive writes them without a version, and 4.0 is what its challenges name.</summary>
    public static FrozenDictionary<string, string> Licences { get; } = Group(
        ("CC-0", ["CC-0", "CC0", "CC0-1.0", "CC0 1.0"]),
        ("CC-BY-4.0", ["CC-BY-4.0", "CC-BY", "CC BY", "CC BY 4.0", "CC-BY 4.0"]),
        ("CC-BY-NC-4.0", ["CC-BY-NC-4.0", "CC-BY-NC", "CC BY-NC", "CC BY-NC 4.0", "CC-BY-NC 4.0"]));

    private static DiagnosisSet Union(params ReadOnlySpan<DiagnosisSet> sets)
    {
        short bits = 0;
        foreach (var set in sets)
            bits |= set.Bits;
        return new DiagnosisSet(bits);
    }

    private static FrozenDictionary<string, string> Group(params (string Ours, string[] Theirs)[] groups) => groups
        .SelectMany(group => group.Theirs, (group, theirs) => (theirs, group.Ours))
        .ToFrozenDictionary(pair => pair.theirs, pair => pair.Ours, StringComparer.OrdinalIgnoreCase);
}
