using Melanoma.Storage.Catalogue;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>What became of a file that is not taken in as a picture.</summary>
/// <param name="Outcome">Refused, waiting, or read as a table.</param>
/// <param name="Reason">A sentence for people: why, or what the table held. Of its content it holds at most words for diagnoses that are not known.</param>
/// <param name="RefusalKind">One of <see cref="RefusalKinds"/> where it was refused.</param>
internal sealed record FileVerdict(FileOutcome Outcome, string Reason, string? RefusalKind = null)
{
    public static FileVerdict Of(Refusal refusal) => new(FileOutcome.Refused, refusal.Reason, refusal.Kind);

    public static FileVerdict Waiting(string reason) => new(FileOutcome.Waiting, reason);

    public static FileVerdict Metadata(string reason) => new(FileOutcome.Metadata, reason);
}
