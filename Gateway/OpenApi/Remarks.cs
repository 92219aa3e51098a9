using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Google.Protobuf.Reflection;

namespace Melanoma.Gateway.OpenApi;

/// <summary>What a proto's comment says of something.</summary>
/// <param name="Paragraphs">The text without the refusals.</param>
/// <param name="Refusals">How a call may be refused, in the order of the comment; only RPCs have any.</param>
internal sealed partial record Remarks(ImmutableArray<string> Paragraphs, ImmutableArray<NamedRefusal> Refusals)
{
    public string Text => string.Join("\n\n", Paragraphs);

    /// <summary>Reads the comment before a declaration, or behind it.</summary>
    public static Remarks Of(DescriptorBase descriptor)
    {
        var declaration = descriptor.Declaration;
        var comment = string.IsNullOrWhiteSpace(declaration?.LeadingComments) ? declaration?.TrailingComments : declaration.LeadingComments;
        return Parse(comment ?? "");
    }

    /// <summary>Reads a comment. A refusal is the name of a gRPC status, then a colon or "when", then the reason, up to the next one or the end of the paragraph.</summary>
    public static Remarks Parse(string comment)
    {
        var paragraphs = ImmutableArray.CreateBuilder<string>();
        var refusals = ImmutableArray.CreateBuilder<NamedRefusal>();
        foreach (var paragraph in BlankLine().Split(comment.Trim()).Select(text => LineBreak().Replace(text, " ").Trim()))
        {
            var named = RefusalName().Matches(paragraph)
                .Select(match => (match.Index, End: match.Index + match.Length, Status: GrpcStatus.Find(match.Groups["status"].Value)))
                .Where(name => name.Status is not null).ToArray();
            var prose = named.Length == 0 ? paragraph : paragraph[..named[0].Index].TrimEnd();
            if (prose.Length > 0)
                paragraphs.Add(prose);
            for (var number = 0; number < named.Length; number++)
            {
                var end = number + 1 < named.Length ? named[number + 1].Index : paragraph.Length;
                refusals.Add(new NamedRefusal(named[number].Status!, paragraph[named[number].End..end].Trim().TrimEnd(';')));
            }
        }

        return new Remarks(paragraphs.ToImmutable(), refusals.ToImmutable());
    }

    [GeneratedRegex(@"\n[ \t]*\n")]
    private static partial Regex BlankLine();

    [GeneratedRegex(@"[ \t]*\n[ \t]*")]
    private static partial Regex LineBreak();

    [GeneratedRegex(@"\b(?<status>[A-Z]+(?:_[A-Z]+)*)(?::| when) ")]
    private static partial Regex RefusalName();
}

/// <summary>A way in which a call may be refused.</summary>
/// <param name="Status">The status.</param>
/// <param name="Reason">Why, as the proto says it.</param>
internal sealed record NamedRefusal(GrpcStatus Status, string Reason);

/// <summary>A gRPC status and the HTTP status that JSON callers get instead, as JSON transcoding maps them.</summary>
/// <param name="Name">The name in the protos' comments.</param>
/// <param name="Number">The number on the wire.</param>
/// <param name="Http">The HTTP status.</param>
internal sealed record GrpcStatus(string Name, int Number, int Http)
{
    private static readonly ImmutableArray<GrpcStatus> All =
    [
        new("CANCELLED", 1, 408),
        new("INVALID_ARGUMENT", 3, 400),
        new("DEADLINE_EXCEEDED", 4, 504),
        new("NOT_FOUND", 5, 404),
        new("ALREADY_EXISTS", 6, 409),
        new("PERMISSION_DENIED", 7, 403),
        new("RESOURCE_EXHAUSTED", 8, 429),
        new("FAILED_PRECONDITION", 9, 400),
        new("ABORTED", 10, 409),
        new("OUT_OF_RANGE", 11, 400),
        new("UNIMPLEMENTED", 12, 501),
        new("UNAVAILABLE", 14, 503),
        new("UNAUTHENTICATED", 16, 401),
    ];

    public static GrpcStatus? Find(string name) => All.FirstOrDefault(status => status.Name == name);
}
