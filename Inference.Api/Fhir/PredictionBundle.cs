using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Hl7.Fhir.Model;
using Hl7.Fhir.Serialization;
using Melanoma.Contracts;
using Melanoma.Inference.Classification;
using Melanoma.Storage.Models;
using Prediction = Melanoma.Storage.Predictions.Prediction;

namespace Melanoma.Inference.Fhir;

/// <summary>
/// A prediction as a FHIR R4 Bundle. It is a pure function of the audit row and the model version, ids included, so that whoever fetches it twice has it once.
/// Nobody has verified what a model says, so the report is <c>partial</c> and its observations <c>preliminary</c>, never <c>final</c>; and the diagnosis is an
/// observation, not the report's conclusion code, lest a system takes it for a clinician's.
/// </summary>
internal static class PredictionBundle
{
    public const string MediaType = "application/fhir+json";

    private const string Patient = "Patient";

    private static readonly FhirJsonSerializer Serializer = new();

    /// <summary>The bundle as UTF-8 JSON.</summary>
    public static byte[] ToJson(Bundle bundle) => Serializer.SerializeToBytes(bundle);

    /// <param name="row">The audit row.</param>
    /// <param name="model">The version that answered.</param>
    public static Bundle Of(Prediction row, ServedVersion model)
    {
        var parts = new Parts(row, model);
        var bundle = new Bundle
        {
            Type = Bundle.BundleType.Collection,
            Identifier = new Identifier(FhirCodes.Uri, Urn(row.Id)),
            TimestampElement = new Instant(row.Time),
        };
        bundle.AddResourceEntry(parts.Report(), Urn(row.Id));
        foreach (var (observation, url) in parts.Observations)
        {
            bundle.AddResourceEntry(observation, url);
        }

        bundle.AddResourceEntry(parts.Image(), parts.ImageUrl);
        bundle.AddResourceEntry(Device(model), DeviceUrl(model));
        return bundle;
    }

    // What the device is is its file, so it is the same resource in every bundle.
    private static Device Device(ServedVersion model) => new()
    {
        Identifier = [new Identifier(FhirCodes.ModelHashSystem, Convert.ToHexStringLower(model.Sha256))],
        DeviceName = [new Device.DeviceNameComponent { Name = $"Melanoma, recipe {model.Recipe}", Type = DeviceNameType.ModelName }],
        Version = [new Device.VersionComponent { Value = model.Version.ToString(CultureInfo.InvariantCulture) }],
        Type = new CodeableConcept { Text = $"Image classification model ({model.Precision})" },
        Safety = [new CodeableConcept { Text = AnswerMessage.Notice }],
        Note = [new Annotation { Text = AnswerMessage.NoticeOf(model.IsHonest) }],
    };

    private static string DeviceUrl(ServedVersion model) => Urn(Named(model.Sha256, model.Version.ToString(CultureInfo.InvariantCulture)));

    private static string Urn(Guid id) => $"urn:uuid:{id}";

    /// <summary>A UUID of version 8 that is always the same for the same part of the same thing.</summary>
    private static Guid Named(ReadOnlySpan<byte> thing, string part)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData([.. thing, .. Encoding.UTF8.GetBytes(part)], hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    /// <summary>The resources of one prediction.</summary>
    private sealed class Parts
    {
        private readonly Prediction _row;
        private readonly ServedVersion _model;

        public Parts(Prediction row, ServedVersion model)
        {
            (_row, _model) = (row, model);
            ImageUrl = UrlOf("image");
            Observations = [.. All().Select(observed => (observed.Observation, UrlOf(observed.Code)))];
        }

        public string ImageUrl { get; }

        public IReadOnlyList<(Observation Observation, string Url)> Observations { get; }

        public DiagnosticReport Report()
        {
            var conclusion = Conclusion();
            return new DiagnosticReport
            {
                Identifier = [new Identifier(FhirCodes.Uri, Urn(_row.Id))],
                Status = DiagnosticReport.DiagnosticReportStatus.Partial,
                Code = FhirCodes.Observed("classification", "Classification of a dermoscopy image by a model"),
                Subject = Subject(),
                Effective = new FhirDateTime(_row.Time),
                IssuedElement = new Instant(_row.Time),
                Result = [.. Observations.Select(observation => new ResourceReference(observation.Url))],
                Media = [new DiagnosticReport.MediaComponent { Link = new ResourceReference(ImageUrl) }],
                Conclusion = conclusion,
                Text = new Narrative { Status = Narrative.NarrativeStatus.Generated, Div = $"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{WebUtility.HtmlEncode(conclusion)}</p></div>" },
            };
        }

        // The image stays with the caller; who has it can tell that it is the one.
        public Media Image() => new()
        {
            Identifier = [new Identifier(FhirCodes.ImageHashSystem, Convert.ToHexStringLower(_row.ImageSha256))],
            Status = EventStatus.Completed,
            Subject = Subject(),
            Content = new Attachment { Title = "The image that was classified. It is not kept here; its SHA-256 identifies it." },
        };

        private IEnumerable<(Observation Observation, string Code)> All()
        {
            var probabilities = Observe("diagnosis-probabilities", "Probability of each diagnosis");
            probabilities.Component = [.. _row.Probabilities.Select((probability, index) => new Observation.ComponentComponent
            {
                Code = FhirCodes.Of((Diagnosis)index),
                Value = FhirCodes.Probability(probability),
            })];
            yield return (probabilities, "diagnosis-probabilities");
            yield return (Observe("melanoma-probability", "Probability of melanoma", FhirCodes.Probability(_row.Probabilities[(int)Diagnosis.Melanoma])), "melanoma-probability");
            yield return (Observe("malignancy-probability", "Probability of any malignant diagnosis", FhirCodes.Probability(AnswerMessage.Malignancy(_row.Probabilities))), "malignancy-probability");
            yield return (Observe("diagnosis", "Diagnosis with the largest probability for its prior", FhirCodes.Of(_row.Diagnosis)), "diagnosis");
            if (_row.Decision is { } made)
            {
                var decision = Observe("decision", "What is advised", FhirCodes.Of(made));
                decision.Component = [.. _row.Reasons.Select(reason => new Observation.ComponentComponent
                {
                    Code = FhirCodes.Observed("reason", "Why there is no decision"),
                    Value = FhirCodes.Reason(reason),
                })];
                yield return (decision, "decision");
            }
        }

        private Observation Observe(string code, string text, DataType? value = null) => new()
        {
            Identifier = [new Identifier(FhirCodes.Uri, UrlOf(code))],
            Status = ObservationStatus.Preliminary,
            Category = [FhirCodes.Imaging],
            Code = FhirCodes.Observed(code, text),
            Subject = Subject(),
            Effective = new FhirDateTime(_row.Time),
            IssuedElement = new Instant(_row.Time),
            Value = value,
            Device = new ResourceReference(DeviceUrl(_model)),
            DerivedFrom = [new ResourceReference(ImageUrl)],
        };

        // Nobody but the caller knows who is meant; FHIR has no empty strings, and none with control characters.
        private ResourceReference? Subject()
        {
            if (string.IsNullOrWhiteSpace(_row.CaseReference))
            {
                return null;
            }

            var reference = string.Concat(_row.CaseReference.EnumerateRunes().Select(rune => Rune.IsControl(rune) ? Rune.ReplacementChar : rune));
            return new ResourceReference { Type = Patient, Identifier = new Identifier(FhirCodes.CaseReferenceSystem, reference), Display = reference };
        }

        private string Conclusion()
        {
            var decision = _row.Decision is { } made ? FhirCodes.WordOf(made) : "none was made";
            var reasons = _row.Reasons.Length > 0 ? $" ({string.Join(", ", _row.Reasons)})" : "";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Decision: {decision}{reasons}. Diagnosis: {Diagnoses.NameOf(_row.Diagnosis)}. Probability of melanoma: {_row.Probabilities[(int)Diagnosis.Melanoma]:0.0000}. {AnswerMessage.NoticeOf(_model.IsHonest)}");
        }

        private string UrlOf(string part) => Urn(Named(_row.Id.ToByteArray(bigEndian: true), part));
    }
}

/// <summary>A model version as a bundle tells of it.</summary>
/// <param name="Version">The number.</param>
/// <param name="Recipe">What it was made by.</param>
/// <param name="Precision">The numbers of the file that answers, see <see cref="ModelVersion.ServedPrecision"/>.</param>
/// <param name="Sha256">SHA-256 of that file.</param>
/// <param name="IsHonest">Whether it was trained by the honest protocol.</param>
internal sealed record ServedVersion(int Version, string Recipe, string Precision, byte[] Sha256, bool IsHonest);
