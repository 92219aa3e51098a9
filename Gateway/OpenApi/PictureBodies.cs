using System.Text.Json.Nodes;

namespace Melanoma.Gateway.OpenApi;

/// <summary>What the protos do not say: <c>POST /v1/classify</c> also takes the picture itself, alone or in a form, with the other fields in headers or the query.</summary>
internal static class PictureBodies
{
    public const string Path = "/v1/classify";

    public static void AddTo(JsonObject paths)
    {
        var operation = paths[Path]?["post"] as JsonObject ?? throw new InvalidOperationException($"No proto declares POST {Path}.");
        var content = (JsonObject)operation["requestBody"]!["content"]!;
        content["image/*"] = Picture("The picture's bytes.");
        content["application/octet-stream"] = Picture("The picture's bytes.");
        content["multipart/form-data"] = new JsonObject
        {
            ["schema"] = new JsonObject
            {
                ["type"] = "object",
                ["description"] = "A form whose first file is the picture, under whatever name.",
                ["required"] = new JsonArray("image"),
                ["properties"] = new JsonObject { ["image"] = new JsonObject { ["type"] = "string", ["format"] = "binary", ["description"] = "The picture." } },
            },
        };
        operation["parameters"] = new JsonArray(
            Parameter("idempotency-key", "header", "The caller's name for this question, for example a UUID: the same key with the same picture gets the same answer again, under the same prediction id."),
            Parameter("x-model-version", "header", "As `modelVersion` of the JSON body, where the body is the picture itself."),
            Parameter("x-case-reference", "header", "As `caseReference` of the JSON body, where the body is the picture itself. A header, because addresses end up in logs."),
            Parameter("model_version", "query", "As the header `x-model-version`, which counts where both are given."),
            Parameter("case_reference", "query", "As the header `x-case-reference`, which counts where both are given."));
    }

    private static JsonObject Picture(string description) => new() { ["schema"] = new JsonObject { ["type"] = "string", ["format"] = "binary", ["description"] = description } };

    private static JsonObject Parameter(string name, string place, string description) =>
        new() { ["name"] = name, ["in"] = place, ["description"] = description, ["schema"] = new JsonObject { ["type"] = "string" } };
}
