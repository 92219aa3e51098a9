using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Melanoma.Training.Embeddings;
using Melanoma.Training.Networks;

namespace Melanoma.Training.Benchmarks;

/// <summary>Embeddings on disk, by network, side, views and pictures: describing twelve thousand pictures takes minutes.</summary>
internal sealed class EmbeddingCache(string folder, int side, int views)
{
    public PictureEmbedding[] Of(string collection, IReadOnlyList<Picture> pictures, string weights)
    {
        Directory.CreateDirectory(folder);
        var (network, values) = PublishedWeights.Recognize(File.ReadAllBytes(weights));
        var description = network with { InputSize = side };
        var name = string.Create(CultureInfo.InvariantCulture, $"{collection}-{description.Name}-{side}-{views}-{Hash(pictures, weights)}.floats");
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            Console.Error.WriteLine($"Describing {pictures.Count} pictures of {collection} with {description.Name} ...");
            using var embedder = new PictureEmbedder(description, values, RunEmbedder.TextureLayersOf(description), views);
            Write(path, [.. embedder.Embed([.. pictures.Select(picture => picture.Bytes)], CancellationToken.None).Select(embedding => embedding!)]);
        }

        return Read(path, pictures.Count);
    }

    private static string Hash(IReadOnlyList<Picture> pictures, string weights)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(File.ReadAllBytes(weights));
        foreach (var picture in pictures)
        {
            hash.AppendData(picture.Bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..12];
    }

    private static void Write(string path, PictureEmbedding[] embeddings)
    {
        using (var file = new BinaryWriter(File.Create($"{path}.tmp")))
        {
            file.Write(embeddings[0].Content.Length);
            file.Write(embeddings[0].Texture.Length);
            foreach (var embedding in embeddings)
            {
                file.Write(MemoryMarshal.AsBytes(embedding.Content.AsSpan()));
                file.Write(MemoryMarshal.AsBytes(embedding.Texture.AsSpan()));
            }
        }

        File.Move($"{path}.tmp", path, overwrite: true);
    }

    private static PictureEmbedding[] Read(string path, int count)
    {
        using var file = new BinaryReader(File.OpenRead(path));
        var (content, texture) = (file.ReadInt32(), file.ReadInt32());
        return [.. Enumerable.Range(0, count).Select(_ => new PictureEmbedding(Floats(content), Floats(texture)))];

        float[] Floats(int length)
        {
            var values = new float[length];
            file.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
    }
}
