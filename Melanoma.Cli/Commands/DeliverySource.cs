using System.IO.Compression;
using Melanoma.Contracts;

namespace Melanoma.Cli.Commands;

/// <summary>What is to be delivered: the files of a folder, an archive, a table, or one picture.</summary>
/// <param name="Name">What people will call it.</param>
/// <param name="Files">The files in a fixed order.</param>
internal sealed record DeliverySource(string Name, IReadOnlyList<PictureFile> Files)
{
    public long Bytes => Files.Sum(file => file.Size);

    /// <summary>Looks at a path.</summary>
    /// <exception cref="CommandFailure">There is nothing to deliver.</exception>
    public static DeliverySource Find(string path, string? name)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        name ??= Path.GetFileName(full) is { Length: > 0 } last ? last : "delivery";
        if (Directory.Exists(full))
        {
            var prefix = Prefix(full);
            var files = PictureFiles.Under(full);
            return files.Count == 0
                ? throw new CommandFailure($"There are no files in {path}.")
                : new DeliverySource(name, [.. files.Select(file => file with { Name = prefix + file.Name })]);
        }

        if (!File.Exists(full))
            throw new CommandFailure($"{path} does not exist.");
        return new DeliverySource(name, [new PictureFile(full, Prefix(Path.GetDirectoryName(full)!) + Path.GetFileName(full), new FileInfo(full).Length)]);
    }

    /// <summary>How many files the report will have about, as far as that can be told without unpacking; null when it cannot.</summary>
    public int? CountEntries()
    {
        var count = 0;
        foreach (var file in Files)
        {
            if (CountEntries(file.Path) is not { } entries)
                return null;
            count += entries;
        }

        return count;
    }

    public static bool IsZip(string path) => Path.GetExtension(path).Equals(".zip", StringComparison.OrdinalIgnoreCase);

    /// <summary>The part of Train|Test/CLASS/ that lies above the folder somebody named, so that a class folder alone keeps its meaning.</summary>
    internal static string Prefix(string folder)
    {
        var name = Path.GetFileName(folder);
        if (IsSplit(name))
            return $"{name}/";
        if (!Diagnoses.TryParse(name, out _))
            return "";
        var parent = Path.GetFileName(Path.GetDirectoryName(folder) ?? "");
        return IsSplit(parent) ? $"{parent}/{name}/" : $"{name}/";
    }

    private static int? CountEntries(string path)
    {
        if (Path.GetExtension(path).ToUpperInvariant() is ".TAR" or ".TGZ" or ".GZ")
            return null;
        if (!IsZip(path))
            return 1;
        try
        {
            using var archive = ZipFile.OpenRead(path);
            return archive.Entries.Count(entry => entry.Name.Length > 0);
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsSplit(string name) =>
        name.Equals("Train", StringComparison.OrdinalIgnoreCase) || name.Equals("Test", StringComparison.OrdinalIgnoreCase);
}
