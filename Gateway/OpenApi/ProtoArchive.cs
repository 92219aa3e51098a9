using System.IO.Compression;

namespace Melanoma.Gateway.OpenApi;

/// <summary>The protos with all that they import, as a ZIP from whose folder protoc runs: <c>protoc -I . melanoma/v1/*.proto</c>.</summary>
internal static class ProtoArchive
{
    // Prefix of the resources' names in the project file.
    private const string Prefix = "protos/";

    private static readonly DateTimeOffset Undated = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static byte[] Write()
    {
        var assembly = typeof(ProtoArchive).Assembly;
        using var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            {
                var entry = archive.CreateEntry(name[Prefix.Length..]);
                entry.LastWriteTime = Undated;
                using var source = assembly.GetManifestResourceStream(name)!;
                using var target = entry.Open();
                source.CopyTo(target);
            }
        }

        return bytes.ToArray();
    }
}
