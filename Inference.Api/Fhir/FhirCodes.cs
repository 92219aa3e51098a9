using System.Collections.Frozen;
using Hl7.Fhir.Model;
using Melanoma.Contracts;
using Decision = Melanoma.Contracts.Models.Decision;

namespace Melanoma.Inference.Fhir;

/// <summary>The codes of bundles. They are described in <c>docs/fhir.md</c>, with the sources of those that are not ours.</summary>
internal static class FhirCodes
{
    public const string ImageHashSystem = Root + "image-sha256";
    public const string ModelHashSystem = Root + "model-sha256";
    public const string CaseReferenceSystem = Root + "case-reference";
    public const string Uri = "urn:ietf:rfc:3986";

    // The product owns no domain, and a name under .invalid collides with nobody's (RFC 2606).
    private const string Root = "http://melanoma.invalid/fhir/";
    private const string DiagnosisSystem = Root + "diagnosis";
    private const string ObservationSystem = Root + "observation";
    private const string DecisionSystem = Root + "decision";
    private const string ReasonSystem = Root + "reason";
    private const string Snomed = "http://snomed.info/sct";
    private const string Ucum = "http://unitsofmeasure.org";
    private const string One = "1";
    private const string CategorySystem = "http://terminology.hl7.org/CodeSystem/observation-category";

    /// <summary>SNOMED CT where a public source confirms a disorder of this meaning: a wrong code in a record is worse than none.</summary>
    private static readonly FrozenDictionary<Diagnosis, (string Code, string Display)> SnomedOf = new Dictionary<Diagnosis, (string, string)>
    {
        [Diagnosis.ActinicKeratosis] = ("201101007", "Actinic keratosis"),
        [Diagnosis.BasalCellCarcinoma] = ("254701007", "Basal cell carcinoma of skin"),
        [Diagnosis.Melanoma] = ("93655004", "Malignant melanoma of skin"),
        [Diagnosis.Nevus] = ("400010006", "Melanocytic nevus of skin"),
        [Diagnosis.SquamousCellCarcinoma] = ("254651007", "Squamous cell carcinoma of skin"),
    }.ToFrozenDictionary();

    public static CodeableConcept Imaging => new(CategorySystem, "imaging", "Imaging", text: null);

    /// <summary>A diagnosis: SNOMED CT's code where there is one, then the product's own.</summary>
    public static CodeableConcept Of(Diagnosis diagnosis)
    {
        var name = Diagnoses.NameOf(diagnosis);
        var concept = new CodeableConcept { Text = name };
        if (SnomedOf.TryGetValue(diagnosis, out var snomed))
        {
            concept.Coding.Add(new Coding(Snomed, snomed.Code, snomed.Display));
        }

        concept.Coding.Add(new Coding(DiagnosisSystem, name.Replace(' ', '-'), name));
        return concept;
    }

    /// <summary>What an observation is about.</summary>
    public static CodeableConcept Observed(string code, string text) => new(ObservationSystem, code, text, text);

    public static CodeableConcept Of(Decision decision)
    {
        var word = WordOf(decision);
        return new CodeableConcept(DecisionSystem, word, word, word);
    }

    /// <summary>Why there is no decision.</summary>
    /// <param name="reason">A word as in <c>Reason.code</c>.</param>
    public static CodeableConcept Reason(string reason) => new(ReasonSystem, reason, reason, reason);

    /// <summary>A number from 0 to 1.</summary>
    public static Quantity Probability(double value) => new() { Value = (decimal)value, Unit = One, System = Ucum, Code = One };

    public static string WordOf(Decision decision) => decision switch
    {
        Decision.Refer => "refer",
        Decision.Review => "review",
        Decision.LowRisk => "low-risk",
        Decision.Indeterminate => "indeterminate",
        _ => throw new ArgumentOutOfRangeException(nameof(decision), decision, message: null),
    };
}
