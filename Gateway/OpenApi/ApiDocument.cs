using System.Globalization;
using System.Text.Json.Nodes;
using Google.Api;
using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;

namespace Melanoma.Gateway.OpenApi;

/// <summary>Writes the OpenAPI document (3.0.3, which also older tools read) of the JSON routes.</summary>
internal static class ApiDocument
{
    public const string KeyScheme = "apiKey";
    public const string TokenScheme = "bearer";

    private const string Json = "application/json";

    // What the calls answer with whose proto leaves the body to them.
    private const string FhirJson = "application/fhir+json";
    private const string Problem = "application/problem+json";

    private const string Introduction = """
        Classifies dermoscopy pictures with a versioned model. **For research, not a medical device.**

        The same interface is there as gRPC, which also has the calls that stream; the protos lie at `/openapi/protos.zip`, and `/openapi` describes all of it on one page.

        Every call but health needs an API key in the header `x-api-key`, or a bearer token where the installation takes them. A refusal has a sentence that says what is wrong and what to do: in `detail`
        where the Gateway refuses (`application/problem+json`), in `message` where a service does (`application/json`). Answers with 429 or 503 are worth repeating, after the seconds of `Retry-After` where
        there is one; the others are not. Clients must bear fields that they do not know: the interface only grows.
        """;

    public static JsonObject Write(ApiDescription api)
    {
        var methods = api.Services.SelectMany(service => service.Methods).Where(method => method.Http is not null).ToArray();
        var schemas = new ApiSchemas(methods.Select(method => method.Descriptor.InputType));
        var paths = new JsonObject();
        foreach (var method in methods)
        {
            var path = (JsonObject)(paths[method.Http!.Path] ??= new JsonObject());
            path[method.Http.Method.ToLowerInvariant()] = OperationOf(method, method.Http, schemas);
        }

        PictureBodies.AddTo(paths);
        var components = schemas.ToJson();
        components["Problem"] = ProblemSchema();
        components["Status"] = StatusSchema();
        return new JsonObject
        {
            ["openapi"] = "3.0.3",
            ["info"] = new JsonObject { ["title"] = "Melanoma", ["version"] = "v1", ["description"] = Introduction },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/", ["description"] = "The Gateway that serves this document" }),
            ["security"] = new JsonArray(new JsonObject { [KeyScheme] = new JsonArray() }, new JsonObject { [TokenScheme] = new JsonArray() }),
            ["tags"] = new JsonArray([.. api.Services.Where(service => service.Methods.Any(method => method.Http is not null))
                .Select(service => new JsonObject { ["name"] = service.Name, ["description"] = service.Remarks.Text })]),
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = components, ["responses"] = CommonResponses(), ["securitySchemes"] = SecuritySchemes() },
        };
    }

    private static JsonObject OperationOf(ApiMethod method, JsonRoute route, ApiSchemas schemas)
    {
        var operation = new JsonObject
        {
            ["operationId"] = method.Id,
            ["tags"] = new JsonArray(method.Descriptor.Service.Name),
            ["summary"] = method.Name,
            ["description"] = $"{method.Remarks.Text}\n\nFor callers with the role {string.Join(" or ", RoleTable.Of(method.Descriptor).Names())}. As gRPC: `{method.Descriptor.FullName}`.",
        };
        var parameters = new JsonArray();
        foreach (var field in method.PathFields)
            parameters.Add(Parameter(field.Name, "path", schemas.Of(field)));
        if (route.HasBody)
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(Json, BodyOf(method, schemas)) };
        else
            foreach (var field in method.OtherFields)
                parameters.Add(Parameter(field.JsonName, "query", schemas.Of(field)));
        if (parameters.Count > 0)
            operation["parameters"] = parameters;
        operation["responses"] = ResponsesOf(method, route, schemas);
        return operation;
    }

    private static JsonObject BodyOf(ApiMethod method, ApiSchemas schemas)
    {
        var request = method.Descriptor.InputType;
        return method.PathFields.Any()
            ? schemas.Reference($"{request.Name}Body", method.OtherFields, $"{Remarks.Of(request).Text} What stands in the path is left out.")
            : schemas.Reference(request);
    }

    private static JsonObject Parameter(string name, string place, JsonObject schema)
    {
        var description = schema["description"]?.GetValue<string>();
        schema.Remove("description");
        var parameter = new JsonObject { ["name"] = name, ["in"] = place, ["description"] = description, ["schema"] = schema };
        if (place == "path")
            parameter["required"] = true;
        return parameter;
    }

    private static JsonObject ResponsesOf(ApiMethod method, JsonRoute route, ApiSchemas schemas)
    {
        var message = method.Descriptor.OutputType;
        var text = message.FullName == HttpBody.Descriptor.FullName ? "The FHIR R4 resource itself." : Remarks.Of(message).Text;
        var responses = new JsonObject
        {
            ["200"] = new JsonObject
            {
                ["description"] = method.Descriptor.IsServerStreaming ? $"{text} The answer is a stream: one JSON document a line, each as soon as it is known." : text,
                ["content"] = message.FullName == HttpBody.Descriptor.FullName
                    ? Content(FhirJson, new JsonObject { ["type"] = "object" })
                    : Content(Json, schemas.Reference(message)),
            },
        };
        var own = method.Remarks.Refusals.GroupBy(refusal => refusal.Status.Http)
            .Select(refusals => (Http: refusals.Key, Response: Refused(string.Join("\n", refusals.Select(refusal => $"- `{refusal.Status.Name}`: {refusal.Reason}")))))
            .ToDictionary(refused => refused.Http, refused => refused.Response);
        var common = new Dictionary<int, string> { [400] = "NotUnderstood", [401] = "NotSignedIn", [403] = "NotAllowed", [429] = "Limited", [503] = "Unavailable" };
        if (route.HasBody)
            common[413] = "TooLarge";
        foreach (var http in own.Keys.Union(common.Keys).Order())
            responses[http.ToString(CultureInfo.InvariantCulture)] = own.TryGetValue(http, out var response) ? response : new JsonObject { ["$ref"] = $"#/components/responses/{common[http]}" };
        return responses;
    }

    private static JsonObject CommonResponses() => new()
    {
        ["NotUnderstood"] = Refused("The request cannot be read: a field has another type, or the body is no JSON."),
        ["NotSignedIn"] = Refused("The API key or token is missing, unknown, expired or revoked."),
        ["NotAllowed"] = Refused("This caller may not do that."),
        ["TooLarge"] = Refused("The body is larger than this route takes."),
        ["Limited"] = Refused("The caller, or its tenant, has reached one of its limits; `Retry-After` has the seconds after which it is worth trying again."),
        ["Unavailable"] = Refused("The service or its database cannot be reached at the moment; try again."),
    };

    // Who refuses decides about the form: the Gateway, or the service behind it.
    private static JsonObject Refused(string description) => new()
    {
        ["description"] = description,
        ["content"] = new JsonObject
        {
            [Problem] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/Problem" } },
            [Json] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/Status" } },
        },
    };

    private static JsonObject ProblemSchema() => new()
    {
        ["type"] = "object",
        ["description"] = "A refusal as problem details (RFC 9457).",
        ["properties"] = new JsonObject
        {
            ["status"] = Described("integer", "The HTTP status."),
            ["title"] = Described("string", "The same few words for every refusal of this kind."),
            ["detail"] = Described("string", "What is wrong, and what to do."),
        },
    };

    private static JsonObject StatusSchema() => new()
    {
        ["type"] = "object",
        ["description"] = "A refusal as a gRPC status (google.rpc.Status).",
        ["properties"] = new JsonObject
        {
            ["code"] = Described("integer", "Number of the gRPC status, for example 3 for INVALID_ARGUMENT."),
            ["message"] = Described("string", "What is wrong, and what to do."),
            ["details"] = new JsonObject { ["type"] = "array", ["description"] = "Empty.", ["items"] = new JsonObject { ["type"] = "object" } },
        },
    };

    private static JsonObject SecuritySchemes() => new()
    {
        [KeyScheme] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = Access.CredentialHandler.KeyHeader, ["description"] = "An API key, which whoever runs the installation makes." },
        [TokenScheme] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["bearerFormat"] = "JWT", ["description"] = "A token of the identity provider that the installation trusts, where it trusts one." },
    };

    private static JsonObject Described(string type, string description) => new() { ["type"] = type, ["description"] = description };

    private static JsonObject Content(string mediaType, JsonObject schema) => new() { [mediaType] = new JsonObject { ["schema"] = schema } };
}
