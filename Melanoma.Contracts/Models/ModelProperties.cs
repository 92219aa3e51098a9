using System.Globalization;
using System.Text.Json;

namespace Melanoma.Contracts.Models;

/// <summary>
/// What a model's ONNX file says of itself in its metadata properties: the training worker writes it, inference reads it.
/// The graph takes <c>images</c> uint8 [N,H,W,3] and gives <c>probabilities</c> [N,9], <c>embedding</c> [N,D] and, where
/// <see cref="HasActivationMap"/>, <c>activation_map</c> [N,9,h,w].
/// </summary>
/// <param name="InputSize">Side of the square pictures, in pixels.</param>
/// <param name="Recipe">The recipe that made it.</param>
/// <param name="RecipeVersion">Version of the recipe.</param>
/// <param name="DatasetId">The dataset it was trained on; <see cref="NoDataset"/> where it is none of the installation's.</param>
/// <param name="DatasetKind">Kind of the dataset: <c>honest</c> or <c>reproduction</c>.</param>
/// <param name="ClassPrior">The share of each diagnosis at which the probabilities are stated; nine numbers that add up to 1, 0 for unsupported diagnoses.</param>
/// <param name="Temperature">The calibration temperature that the graph divides its logits by; above 0.</param>
/// <param name="OperatingPoints">Thresholds on the melanoma probability; null where validation had no melanoma.</param>
/// <param name="Unsupported">Diagnoses without training images: their probability is 0.</param>
/// <param name="HasActivationMap">Whether the graph has the output <c>activation_map</c>.</param>
/// <param name="Views">How many turned and mirrored views of a picture the graph itself looks at, 1 or 8; its answers are means over them. 1 in older files.</param>
/// <param name="DistanceLimit">
/// The largest <see cref="ModelGraph.Distance"/> that is still familiar, chosen on validation; null where the graph has no such output, as in older files.
/// </param>
/// <param name="Precision">In which numbers the graph calculates: <see cref="FullPrecision"/>, as older files do, or <see cref="EightBits"/>.</param>
public sealed record ModelProperties(
    int InputSize,
    string Recipe,
    int RecipeVersion,
    int DatasetId,
    string DatasetKind,
    IReadOnlyList<double> ClassPrior,
    double Temperature,
    OperatingPoints? OperatingPoints,
    DiagnosisSet Unsupported,
    bool HasActivationMap,
    int Views = 1,
    double? DistanceLimit = null,
    string Precision = ModelProperties.FullPrecision)
{
    /// <summary>The precision of a model that calculates in floating point of 32 bits.</summary>
    public const string FullPrecision = "fp32";

    /// <summary>The precision of a model whose layers calculate in whole numbers of eight bits.</summary>
    public const string EightBits = "int8";

    /// <summary>The metadata property that says <see cref="Precision"/>.</summary>
    public const string PrecisionKey = Prefix + "precision";

    /// <summary>The dataset number of a model that was trained on an export: it belongs to no installation.</summary>
    public const int NoDataset = 0;

    private const string Prefix = "melanoma.";

    // A threshold that is missing is none, and not 0.
    private static readonly JsonSerializerOptions AllOrNothing = new(JsonSerializerOptions.Web) { RespectRequiredConstructorParameters = true };

    /// <summary>The properties as they stand in the file, class names in index order among them.</summary>
    public IReadOnlyDictionary<string, string> ToMetadata() => new Dictionary<string, string>
    {
        [Prefix + "classes"] = JsonSerializer.Serialize(Diagnoses.Names),
        [Prefix + "input_size"] = InputSize.ToString(CultureInfo.InvariantCulture),
        [Prefix + "recipe"] = Recipe,
        [Prefix + "recipe_version"] = RecipeVersion.ToString(CultureInfo.InvariantCulture),
        [Prefix + "dataset"] = DatasetId.ToString(CultureInfo.InvariantCulture),
        [Prefix + "dataset_kind"] = DatasetKind,
        [Prefix + "class_prior"] = JsonSerializer.Serialize(ClassPrior),
        [Prefix + "temperature"] = Temperature.ToString("R", CultureInfo.InvariantCulture),
        [Prefix + "operating_points"] = JsonSerializer.Serialize(OperatingPoints, JsonSerializerOptions.Web),
        [Prefix + "unsupported"] = JsonSerializer.Serialize(Unsupported.Members.Select(Diagnoses.NameOf)),
        [Prefix + "activation_map"] = HasActivationMap ? "true" : "false",
        [Prefix + "views"] = Views.ToString(CultureInfo.InvariantCulture),
        [Prefix + "distance_limit"] = JsonSerializer.Serialize(DistanceLimit),
        [PrecisionKey] = Precision,
    };

    /// <summary>Reads what <see cref="ToMetadata"/> wrote.</summary>
    /// <exception cref="FormatException">A property is missing or cannot be read, or the class names are not the nine in index order.</exception>
    public static ModelProperties FromMetadata(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            if (!Read<string[]>("classes").AsSpan().SequenceEqual(Diagnoses.Names.AsSpan()))
            {
                throw new FormatException("The model's class names are not the nine diagnoses in index order.");
            }

            var prior = Read<double[]>("class_prior");
            var temperature = double.Parse(Text("temperature"), CultureInfo.InvariantCulture);
            if (prior.Length != Diagnoses.Count || !(temperature > 0))
            {
                throw new FormatException("The model's class prior or temperature is out of range.");
            }

            var points = JsonSerializer.Deserialize<OperatingPoints>(Text("operating_points"), AllOrNothing);
            if (points is not (null or { T95: >= 0, T90: <= 1 }) || points?.T95 > points?.T90)
            {
                throw new FormatException("The model's operating points are out of range or out of order.");
            }

            var distanceLimit = metadata.TryGetValue(Prefix + "distance_limit", out var limit) ? JsonSerializer.Deserialize<double?>(limit) : null;
            if (distanceLimit is not (null or > 0))
            {
                throw new FormatException("The model's distance limit is not above 0.");
            }

            var unsupported = Read<string[]>("unsupported")
                .Select(name => Diagnoses.TryParse(name, out var diagnosis) ? diagnosis : throw new FormatException($"'{name}' is no diagnosis."));
            return new ModelProperties(
                int.Parse(Text("input_size"), CultureInfo.InvariantCulture),
                Text("recipe"),
                int.Parse(Text("recipe_version"), CultureInfo.InvariantCulture),
                int.Parse(Text("dataset"), CultureInfo.InvariantCulture),
                Text("dataset_kind"),
                prior,
                temperature,
                points,
                DiagnosisSet.Of([.. unsupported]),
                Text("activation_map") == "true",
                metadata.TryGetValue(Prefix + "views", out var views) ? int.Parse(views, CultureInfo.InvariantCulture) : 1,
                distanceLimit,
                metadata.GetValueOrDefault(PrecisionKey, FullPrecision) is (FullPrecision or EightBits) and var precision ? precision : throw new FormatException("The model's precision is neither fp32 nor int8."));
        }
        catch (Exception exception) when (exception is JsonException or OverflowException)
        {
            throw new FormatException($"The model's properties cannot be read: {exception.Message}", exception);
        }

        string Text(string name) => metadata.TryGetValue(Prefix + name, out var value) ? value : throw new FormatException($"The model has no property '{Prefix}{name}'.");

        T Read<T>(string name) => JsonSerializer.Deserialize<T>(Text(name)) ?? throw new FormatException($"The model's property '{Prefix}{name}' is null.");
    }
}

/// <summary>Thresholds on the melanoma probability, chosen on validation: below <see cref="T95"/> low risk, from <see cref="T90"/> refer, between them review.</summary>
/// <param name="T95">The largest threshold that keeps 95 % of the melanomas at or above it, 0 to 1.</param>
/// <param name="T90">The same for 90 %; not below <paramref name="T95"/>.</param>
public sealed record OperatingPoints(double T95, double T90);
