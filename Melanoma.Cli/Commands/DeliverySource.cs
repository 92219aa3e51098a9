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

    private static bool IsSplit(string name) =>
        name.Equals("Train", StringComparison.OrdinalIgnoreCase) || name.Equals("Test", StringComparison.OrdinalIgnoreCase);
}
