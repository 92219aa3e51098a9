using System.Threading.RateLimiting;
using Melanoma.Imaging;
using Melanoma.Imaging.NearDuplicates;

namespace Melanoma.Ingestion.Deliveries;

/// <summary>A file as it came in: its bytes, or why they are not looked at.</summary>
/// <param name="Path">Its path, unless it was refused.</param>
/// <param name="ReportedPath">The path under which the report has it; unique in the delivery.</param>
/// <param name="Bytes">The whole file; empty when it was refused.</param>
/// <param name="SizeBytes">How many bytes came, those not kept counted.</param>
/// <param name="Refusal">Why it was refused already.</param>
internal sealed record IncomingFile(DeliveryPath? Path, string ReportedPath, byte[] Bytes, long SizeBytes, Refusal? Refusal)
{
    /// <summary>Its share of the bytes that may wait inside the service.</summary>
    public RateLimitLease? Lease { get; init; }
}

/// <summary>A picture that was decoded whole and can be stored.</summary>
/// <param name="MediaType">Told from the bytes.</param>
/// <param name="Width">Width in pixels, upright.</param>
/// <param name="Height">Height in pixels, upright.</param>
/// <param name="Measures">Quality, and what is no medicine.</param>
/// <param name="Signature">What near-duplicates are found by.</param>
/// <param name="Keys">The signature's keys, see <see cref="NearDuplicateIndex.KeysOf"/>.</param>
internal sealed record Picture(string MediaType, int Width, int Height, PictureMeasures Measures, PictureSignature Signature, byte[] Keys);

/// <summary>A file with what was found of it.</summary>
/// <param name="File">The file.</param>
/// <param name="Sha256">Hash of its bytes; empty when it was refused unread.</param>
/// <param name="Picture">The picture; null for bytes that the catalogue had when they came, and for refused files.</param>
/// <param name="Refusal">Why it is not taken.</param>
internal sealed record JudgedFile(IncomingFile File, byte[] Sha256, Picture? Picture, Refusal? Refusal);
