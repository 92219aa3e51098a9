using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Melanoma.Contracts;

namespace Melanoma.Ingestion.Reviews;

/// <summary>Reads what reviewers send as text; what is not understood is INVALID_ARGUMENT with a sentence that says what to do.</summary>
internal static class WireText
{
    private const int MaxCommentLength = 2000;
    private const int MaxShown = 100;

    private static readonly string KnownNames = string.Join(", ", Diagnoses.Names);

    /// <summary>An id of this product.</summary>
    public static Guid ParseId(string text, string field, string whereToFind)
    {
        if (!Guid.TryParse(text, out var id))
            Throw($"{field} has '{Shorten(text)}', which is not an id; {whereToFind}.");
        return id;
    }

    public static Diagnosis ParseDiagnosis(string text, string field)
    {
        if (!Diagnoses.TryParse(text, out var diagnosis))
            Throw($"{field} has '{Shorten(text)}', which is not a diagnosis. Choose from: {KnownNames}.");
        return diagnosis;
    }

    /// <summary>One diagnosis or more.</summary>
    public static DiagnosisSet ParseDiagnoses(IReadOnlyCollection<string> names, string field)
    {
        if (names.Count == 0)
            Throw($"{field} is empty. Choose from: {KnownNames}.");
        return DiagnosisSet.Of([.. names.Select(name => ParseDiagnosis(name, field))]);
    }

    public static string ParseComment(string text)
    {
        var comment = text.Trim();
        if (comment.Length > MaxCommentLength)
            Throw($"The comment has {comment.Length} characters; at most {MaxCommentLength} are taken. Shorten it.");
        if (comment.Any(char.IsControl))
            Throw("The comment has control characters, for example a line break. Write it on one line.");
        return comment;
    }

    public static int ParsePageSize(int size, int normal, int max)
    {
        if (size < 0 || size > max)
            Throw($"page_size is {size}; choose 1 to {max}, or leave it out for {normal}.");
        return size == 0 ? normal : size;
    }

    private static string Shorten(string text) => text.Length <= MaxShown ? text : text[..MaxShown] + "...";

    [DoesNotReturn]
    private static void Throw(string detail) => throw new RpcException(new Status(StatusCode.InvalidArgument, detail));
}
