using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Loop;

/// <summary>The safetensors file format, single precision: eight bytes of header length, a JSON header, the numbers.</summary>
internal static class SafeTensors
{
    private const string MetadataKey = "__metadata__";
    private const int LargestHeader = 100_000_000;

    public static byte[] Write(IReadOnlyDictionary<string, Weight> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = new JsonObject { [MetadataKey] = JsonSerializer.SerializeToNode(metadata) };
        long offset = 0;
        foreach (var (name, tensor) in tensors)
        {
            var end = offset + ((long)tensor.Values.Length * sizeof(float));
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = JsonSerializer.SerializeToNode(new[] { offset, end }),
            };
            offset = end;
        }

        var headerBytes = Encoding.UTF8.GetBytes(header.ToJsonString());
        var file = new byte[checked(sizeof(long) + headerBytes.Length + offset)];
        BinaryPrimitives.WriteInt64LittleEndian(file, headerBytes.Length);
        headerBytes.CopyTo(file, sizeof(long));
        var at = sizeof(long) + headerBytes.Length;
        foreach (var tensor in tensors.Values)
        {
            var bytes = MemoryMarshal.AsBytes(tensor.Values.AsSpan());
            bytes.CopyTo(file.AsSpan(at));
            at += bytes.Length;
        }

        return file;
    }

    /// <param name="wanted">Which tensors are read, by name; null for all. The others may be of any type.</param>
    /// <exception cref="InvalidDataException">The bytes are no safetensors file, or a tensor that is wanted is not of single precision.</exception>
    public static (Dictionary<string, Weight> Tensors, Dictionary<string, string> Metadata) Read(ReadOnlySpan<byte> file, Predicate<string>? wanted = null)
    {
        try
        {
            var headerLength = file.Length < sizeof(long) ? -1 : BinaryPrimitives.ReadInt64LittleEndian(file);
            if (headerLength is < 2 or > LargestHeader || headerLength > file.Length - sizeof(long))
            {
                throw new InvalidDataException("The header of the safetensors file is cut off.");
            }

            using var header = JsonDocument.Parse(file.Slice(sizeof(long), (int)headerLength).ToArray());
            var data = file[(sizeof(long) + (int)headerLength)..];
            var tensors = new Dictionary<string, Weight>();
            var metadata = new Dictionary<string, string>();
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.NameEquals(MetadataKey))
                {
                    metadata = entry.Value.Deserialize<Dictionary<string, string>>()!;
                }
                else if (wanted is null || wanted(entry.Name))
                {
                    tensors[entry.Name] = ReadTensor(entry, data);
                }
            }

            return (tensors, metadata);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException or FormatException)
        {
            throw new InvalidDataException($"The safetensors file cannot be read: {exception.Message}", exception);
        }
    }

    private static Weight ReadTensor(JsonProperty entry, ReadOnlySpan<byte> data)
    {
        if (entry.Value.GetProperty("dtype").GetString() != "F32")
        {
            throw new InvalidDataException($"Tensor '{entry.Name}' is not of single precision.");
        }

        var shape = entry.Value.GetProperty("shape").Deserialize<long[]>()!;
        var offsets = entry.Value.GetProperty("data_offsets").Deserialize<int[]>()!;
        var values = MemoryMarshal.Cast<byte, float>(data[offsets[0]..offsets[1]]).ToArray();
        return values.Length == shape.Aggregate(1L, (product, side) => product * side)
            ? new Weight(shape, values)
            : throw new InvalidDataException($"Tensor '{entry.Name}' has {values.Length} numbers, which does not fit its shape.");
    }
}
