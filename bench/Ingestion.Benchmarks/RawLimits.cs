using System.Diagnostics;
using System.Security.Cryptography;
using System.Threading.Channels;
using Melanoma.Imaging;
using Npgsql;
using NpgsqlTypes;

namespace Melanoma.Ingestion.Benchmarks;

/// <summary>What the distinct contents cost without a service: bare loops on all processors.</summary>
internal static class RawLimits
{
    private const int Batch = 256;

    /// <summary>Decodes each picture whole and hashes its bytes.</summary>
    /// <returns>Distinct pictures a second.</returns>
    public static double DecodeAndHash(PictureSet set)
    {
        var watch = Stopwatch.StartNew();
        Parallel.ForEach(set.ReadDistinct(), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, Judge);
        return set.Distinct / watch.Elapsed.TotalSeconds;
    }

    /// <summary>Writes the bytes into Postgres by binary COPY, <see cref="Batch"/> rows a transaction.</summary>
    public static async Task<double> CopyAsync(PictureSet set, string connectionString)
    {
        await using var connection = await OpenAsync(connectionString);
        var watch = Stopwatch.StartNew();
        foreach (var batch in set.ReadDistinct().Chunk(Batch))
            await CopyAsync(connection, batch);
        return set.Distinct / watch.Elapsed.TotalSeconds;
    }

    /// <summary>One bare program that does both: decodes and hashes on all processors and copies batches meanwhile.</summary>
    public static async Task<double> DecodeHashAndCopyAsync(PictureSet set, string connectionString)
    {
        await using var connection = await OpenAsync(connectionString);
        var watch = Stopwatch.StartNew();
        var judged = Channel.CreateBounded<byte[]>(Batch * 2);
        var judging = Task.Run(async () =>
        {
            await Parallel.ForEachAsync(set.ReadDistinct(), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, async (file, token) =>
            {
                Judge(file);
                await judged.Writer.WriteAsync(file, token);
            });
            judged.Writer.Complete();
        });
        var batch = new List<byte[]>(Batch);
        while (await judged.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < Batch && judged.Reader.TryRead(out var bytes))
                batch.Add(bytes);
            await CopyAsync(connection, batch);
        }

        await judging;
        return set.Distinct / watch.Elapsed.TotalSeconds;
    }

    private static void Judge(byte[] bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        if (!ImageDecoder.TryDecode(bytes, ImageLimits.Default, out _, out var refusal))
            throw new InvalidOperationException(refusal.Message);
    }

    private static async Task<NpgsqlConnection> OpenAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var create = new NpgsqlCommand(
            "DROP TABLE IF EXISTS bare; CREATE TABLE bare (id uuid PRIMARY KEY, bytes bytea NOT NULL); ALTER TABLE bare ALTER COLUMN bytes SET STORAGE EXTERNAL", connection);
        await create.ExecuteNonQueryAsync();
        return connection;
    }

    private static async Task CopyAsync(NpgsqlConnection connection, IEnumerable<byte[]> files)
    {
        await using var copy = await connection.BeginBinaryImportAsync("COPY bare (id, bytes) FROM STDIN (FORMAT BINARY)");
        foreach (var bytes in files)
        {
            await copy.StartRowAsync();
            await copy.WriteAsync(Guid.CreateVersion7(), NpgsqlDbType.Uuid);
            await copy.WriteAsync(bytes, NpgsqlDbType.Bytea);
        }

        await copy.CompleteAsync();
    }
}
