using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Firely.Fhir.Validation;
using Hl7.Fhir.Model;
using Hl7.Fhir.Serialization;
using Hl7.Fhir.Specification.Source;
using Hl7.Fhir.Specification.Terminology;
using Melanoma.Contracts;
using Melanoma.Inference.Fhir;
using Decision = Melanoma.Contracts.Models.Decision;
using Prediction = Melanoma.Storage.Predictions.Prediction;

namespace Melanoma.UnitTests.Inference;

/// <summary>Bundles are judged by the library's strict parser and against the base profiles of R4.</summary>
public sealed class PredictionBundleTests(PredictionBundleTests.BaseProfiles profiles) : IClassFixture<PredictionBundleTests.BaseProfiles>
{
    /// <summary>Reading the specification takes seconds. Not for several threads.</summary>
    public sealed class BaseProfiles
    {
        public BaseProfiles()
        {
            var specification = new CachedResolver(ZipSource.CreateValidationSource());
            Validator = new Validator(specification, new LocalTerminologyService(specification));
        }

        public Validator Validator { get; }
    }

    private static readonly string[] Words = ["too-small", "blurred", "under-exposed", "over-exposed", "blank", "not-dermoscopic", "unfamiliar", "no-operating-point"];

    private static readonly Gen<string> AnyText = Gen.Char[' ', '\uffff'].Array[0, 200].Select(chars => new string(chars)).Where(text => !text.Any(char.IsSurrogate));

    // Whatever the database can hold: a NUL it cannot.
    private static readonly Gen<string?> CaseReferences = Gen.OneOf(
        Gen.Const((string?)null), Gen.Const((string?)""), Gen.Const((string?)" \t"), Gen.Const((string?)"case 17"), Gen.Const((string?)"<b>&\"'\u0001\u007f\ud83d\ude00"), AnyText.Select(text => (string?)text));

    private static readonly Gen<double[]> Probabilities =
        Gen.OneOf(Gen.Double[0, 1], Gen.Const(0.0), Gen.Const(1e-300), Gen.Const(1.0)).Array[Diagnoses.Count]
            .Select(weights => weights.Sum() is > 0 and var sum ? Array.ConvertAll(weights, weight => weight / sum) : [1, 0, 0, 0, 0, 0, 0, 0, 0]);

    private static readonly Gen<Prediction> Rows =
        from microseconds in Gen.Long[0, 2_000_000_000_000_000]
        from id in Gen.Guid
        from reference in CaseReferences
        from probabilities in Probabilities
        from diagnosis in Gen.Int[0, Diagnoses.Count - 1]
        from decision in Gen.OneOf(Gen.Const((Decision?)null), Gen.Enum<Decision>().Select(made => (Decision?)made))
        from reasons in Gen.OneOfConst(Words).Array[0, 3]
        select Row(id, DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds), reference, probabilities, (Diagnosis)diagnosis, decision, decision == Decision.Indeterminate ? [.. reasons.Distinct()] : []);

    private static readonly ServedVersion Model = new(3, "standard", "int8", SHA256.HashData("a model"u8), IsHonest: true);

    [Fact]
    public void Should_be_valid_when_a_row_is_any_that_the_audit_can_hold() =>
        Rows.Sample(row => Assert.Empty(FaultsOf(Encoding.UTF8.GetString(PredictionBundle.ToJson(PredictionBundle.Of(row, Model))))), iter: 60, threads: 1);

    [Theory]
    [InlineData("\"status\":\"partial\"", "\"status\":\"done\"")]
    [InlineData("\"status\":\"partial\",", "")]
    [InlineData("\"type\":\"collection\"", "\"type\":\"collection\",\"mood\":\"good\"")]
    [InlineData("\"conclusion\":\"Decision", "\"conclusion\":\"\",\"conclusio\":\"Decision")]
    [InlineData("\"code\":\"1\"}", "\"code\":1}")]
    [InlineData("\"fullUrl\":\"urn:uuid:0198c0de-", "\"fullUrl\":\"urn:uuid:0198c0df-x")]
    [InlineData("\"resourceType\":\"Media\",", "\"resourceType\":\"Media\",\"contained\":[{}],")]
    [InlineData("\"code\":\"melanoma-probability\"", "\"code\":\"melanoma  probability\"")]
    public void Should_be_called_broken_when_something_in_it_is_broken(string right, string wrong)
    {
        var json = Encoding.UTF8.GetString(PredictionBundle.ToJson(PredictionBundle.Of(Usual(), Model)));
        Assert.Empty(FaultsOf(json));

        var broken = json.Replace(right, wrong, StringComparison.Ordinal);

        Assert.NotEqual(json, broken);
        Assert.NotEmpty(FaultsOf(broken));
    }

    [Fact]
    public void Should_say_what_was_answered_when_it_is_read()
    {
        var row = Usual();

        var resources = ResourcesOf(PredictionBundle.ToJson(PredictionBundle.Of(row, Model)));

        var report = Assert.Single(resources, resource => TypeOf(resource) == "DiagnosticReport");
        var observations = resources.Where(resource => TypeOf(resource) == "Observation").ToDictionary(observation => Text(observation, "code", "coding", 0, "code"));
        var device = Assert.Single(resources, resource => TypeOf(resource) == "Device");
        var media = Assert.Single(resources, resource => TypeOf(resource) == "Media");
        var probabilities = At(observations["diagnosis-probabilities"], "component").AsArray();
        Assert.Equal($"urn:uuid:{row.Id}", Text(report, "identifier", 0, "value"));
        Assert.Equal("partial", Text(report, "status"));
        Assert.All(observations.Values, observation => Assert.Equal("preliminary", Text(observation, "status")));
        Assert.All(observations.Values.Append(report).Append(media), resource => Assert.Equal("case 17", Text(resource, "subject", "identifier", "value")));
        Assert.Equal(row.Probabilities, probabilities.Select(component => (double)At(component!, "valueQuantity", "value")));
        Assert.Equal(Diagnoses.Names, probabilities.Select(component => Text(component!, "code", "text")));
        Assert.Equal(0.5, (double)At(observations["melanoma-probability"], "valueQuantity", "value"));
        Assert.Equal(0.75, (double)At(observations["malignancy-probability"], "valueQuantity", "value"));
        Assert.Equal(["93655004", "melanoma"], At(observations["diagnosis"], "valueCodeableConcept", "coding").AsArray().Select(coding => Text(coding!, "code")));
        Assert.Equal("indeterminate", Text(observations["decision"], "valueCodeableConcept", "coding", 0, "code"));
        Assert.Equal("blurred", Text(observations["decision"], "component", 0, "valueCodeableConcept", "coding", 0, "code"));
        Assert.Equal(Convert.ToHexStringLower(Model.Sha256), Text(device, "identifier", 0, "value"));
        Assert.Equal("3", Text(device, "version", 0, "value"));
        Assert.Equal("For research, not a medical device.", Text(device, "safety", 0, "text"));
        Assert.Equal(Convert.ToHexStringLower(row.ImageSha256), Text(media, "identifier", 0, "value"));
        Assert.Equal(["title"], At(media, "content").AsObject().Select(property => property.Key));
    }

    [Fact]
    public void Should_be_the_same_bytes_with_links_that_lead_somewhere_when_it_is_made_twice() => Rows.Sample(row =>
    {
        var json = PredictionBundle.ToJson(PredictionBundle.Of(row, Model));
        Assert.Equal(json, PredictionBundle.ToJson(PredictionBundle.Of(row, Model)));
        var bundle = JsonNode.Parse(json)!;
        var urls = At(bundle, "entry").AsArray().Select(entry => Text(entry!, "fullUrl")).ToList();
        Assert.Equal(urls.Distinct(), urls);
        var links = References(bundle).ToList();
        Assert.True(links.Count >= 4 * 3);
        Assert.All(links, link => Assert.Contains(link, urls));
    }, iter: 200);

    // The check digit of SNOMED CT identifiers (Verhoeff): a slip of the pen is found, a code of another concept is not.
    [Fact]
    public void Should_have_a_right_check_digit_when_a_code_is_one_of_SNOMED_CT()
    {
        var codes = Enum.GetValues<Diagnosis>().SelectMany(diagnosis => FhirCodes.Of(diagnosis).Coding)
            .Where(coding => coding.System == "http://snomed.info/sct").Select(coding => coding.Code!).ToList();

        Assert.Equal(5, codes.Distinct().Count());
        Assert.All(codes, code => Assert.True(IsVerhoeff(code), code));
        Assert.False(IsVerhoeff("93655005"));
    }

    private static Prediction Usual() => Row(
        Guid.Parse("0198c0de-0000-7000-8000-000000000001"), new DateTimeOffset(2026, 11, 28, 2, 3, 4, 567, TimeSpan.Zero), "case 17",
        [0, 0.25, 0, 0.5, 0.125, 0.0625, 0.0625, 0, 0], Diagnosis.Melanoma, Decision.Indeterminate, ["blurred"]);

    private static Prediction Row(
        Guid id, DateTimeOffset time, string? reference, double[] probabilities, Diagnosis diagnosis, Decision? decision, string[] reasons) => new()
        {
            Id = id,
            Time = time,
            Tenant = "north",
            Caller = "key",
            CaseReference = reference,
            ModelVersion = Model.Version,
            ExecutionProvider = "CPU",
            ImageSha256 = SHA256.HashData(id.ToByteArray()),
            Probabilities = probabilities,
            Diagnosis = diagnosis,
            Decision = decision,
            Reasons = reasons,
            LatencyMs = 1,
        };

    private static List<JsonNode> ResourcesOf(byte[] json) => [.. At(JsonNode.Parse(json)!, "entry").AsArray().Select(entry => At(entry!, "resource"))];

    private static string TypeOf(JsonNode resource) => Text(resource, "resourceType");

    private static string Text(JsonNode node, params object[] path) => (string)At(node, path)!;

    private static JsonNode At(JsonNode node, params object[] path) =>
        path.Aggregate(node, (at, step) => (step is int index ? at[index] : at[(string)step]) ?? throw new InvalidOperationException($"There is no {step} in {at}."));

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject properties => properties.SelectMany(property => property.Key == "reference" ? [(string)property.Value!] : References(property.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };

    private IEnumerable<string> FaultsOf(string json)
    {
        if (!FhirJsonDeserializer.STRICT.TryDeserializeResource(json, out var resource, out var issues))
        {
            return issues.Select(issue => issue.Message);
        }

        var written = Encoding.UTF8.GetString(PredictionBundle.ToJson((Bundle)resource!));
        var outcome = profiles.Validator.Validate(resource!);
        return outcome.Issue
            .Where(issue => issue.Severity is OperationOutcome.IssueSeverity.Error or OperationOutcome.IssueSeverity.Fatal)
            .Select(issue => string.Create(CultureInfo.InvariantCulture, $"{issue.Details?.Text} at {string.Join(", ", issue.Expression)}"))
            .Concat(written == json ? [] : ["It is written otherwise than it was read."]);
    }

    private static bool IsVerhoeff(string digits)
    {
        int[][] products =
        [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
            [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        ];
        int[] step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
        return digits.Reverse().Select((digit, place) => Enumerable.Range(0, place % 8).Aggregate(digit - '0', (value, _) => step[value]))
            .Aggregate(0, (sum, digit) => products[sum][digit]) == 0;
    }
}
