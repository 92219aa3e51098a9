using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Melanoma.Storage.Predictions;

namespace Melanoma.Inference.Audit;

/// <summary>
/// The hash of an audit row in the chain: SHA-256 of the previous hash and the row in its canonical form, which <c>docs/audit.md</c> describes byte by byte. Numbers are big-endian; what
/// may have any length has its length in front, and what may be missing a byte that says whether it is there, so that no two rows have one form. A form never changes: another one gets
/// another number.
/// </summary>
internal static class SealForm
{
    /// <summary>The form that new seals have.</summary>
    public const short Current = 1;

    /// <summary>What the first position has in the place of a previous hash: 32 zeros.</summary>
    public static ReadOnlySpan<byte> Genesis => new byte[SHA256.HashSizeInBytes];

    /// <summary>The hash of a row, 32 bytes.</summary>
    /// <param name="previous">The hash of the position before.</param>
    /// <param name="position">The row's position in the chain.</param>
    /// <param name="tenantSequence">Its position in its tenant's feed.</param>
    /// <param name="row">The row as the database keeps it: the time to the microsecond.</param>
    public static byte[] Hash(ReadOnlySpan<byte> previous, long position, long tenantSequence, Prediction row)
    {
        var bytes = new ArrayBufferWriter<byte>(512);
        bytes.Write(previous);
        bytes.Write([(byte)Current]);
        Write(bytes, position);
        Write(bytes, tenantSequence);
        Write(bytes, row.Id);
        Write(bytes, (row.Time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);
        Write(bytes, row.Tenant);
        Write(bytes, row.Caller);
        if (WritePresence(bytes, row.CaseReference is not null))
        {
            Write(bytes, row.CaseReference!);
        }

        Write(bytes, row.ModelVersion);
        Write(bytes, row.ExecutionProvider);
        Write(bytes, row.ImageSha256.Length);
        bytes.Write(row.ImageSha256);
        Write(bytes, row.Probabilities.Length);
        foreach (var probability in row.Probabilities)
        {
            Write(bytes, BitConverter.DoubleToInt64Bits(probability));
        }

        Write(bytes, (int)row.Diagnosis);
        if (WritePresence(bytes, row.Decision is not null))
        {
            Write(bytes, (int)row.Decision!.Value);
        }

        Write(bytes, row.Reasons.Length);
        foreach (var reason in row.Reasons)
        {
            Write(bytes, reason);
        }

        Write(bytes, BitConverter.DoubleToInt64Bits(row.LatencyMs));
        return SHA256.HashData(bytes.WrittenSpan);
    }

    private static bool WritePresence(ArrayBufferWriter<byte> bytes, bool present)
    {
        bytes.Write([present ? (byte)1 : (byte)0]);
        return present;
    }

    private static void Write(ArrayBufferWriter<byte> bytes, long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(bytes.GetSpan(sizeof(long)), number);
        bytes.Advance(sizeof(long));
    }

    private static void Write(ArrayBufferWriter<byte> bytes, int number)
    {
        BinaryPrimitives.WriteInt32BigEndian(bytes.GetSpan(sizeof(int)), number);
        bytes.Advance(sizeof(int));
    }

    private static void Write(ArrayBufferWriter<byte> bytes, Guid id)
    {
        id.TryWriteBytes(bytes.GetSpan(16), bigEndian: true, out var written);
        bytes.Advance(written);
    }

    private static void Write(ArrayBufferWriter<byte> bytes, string text)
    {
        Write(bytes, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, bytes);
    }
}
