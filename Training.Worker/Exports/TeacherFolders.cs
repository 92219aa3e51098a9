using Melanoma.Storage.Datasets;
using Melanoma.Training.Loop;
using Melanoma.Training.Networks;
using static TorchSharp.torch;

namespace Melanoma.Training.Exports;

/// <summary>Folders of earlier trainings on the same export whose networks teach a new one.</summary>
internal static class TeacherFolders
{
    /// <summary>How much teachers count beside the labels.</summary>
    private const double Share = 0.7;

    public const string WeightsFile = "weights.safetensors";
    private const string NetworkKey = "network";

    /// <summary>Writes the weights of a network so that it can teach.</summary>
    public static Task WriteWeightsAsync(string folder, Network network, CancellationToken cancellationToken) => WholeFile.WriteAsync(
        Path.Combine(folder, WeightsFile), SafeTensors.Write(network.Weights(), new Dictionary<string, string> { [NetworkKey] = network.Description.Name }), cancellationToken);

    /// <summary>The networks of some folders; null of none.</summary>
    /// <exception cref="InvalidDataException">A file is damaged, or a network was trained on a lesion that the new one is to be chosen or judged on.</exception>
    public static async Task<Teachers?> ReadAsync(IReadOnlyList<string> folders, IReadOnlyList<ExportedImage> images, Device device, CancellationToken cancellationToken)
    {
        if (folders.Count == 0)
        {
            return null;
        }

        var splits = images.ToDictionary(image => image.Sha256, image => image.Split);
        var networks = new List<Network>();
        try
        {
            foreach (var folder in folders)
            {
                await RequireNothingHeldOutAsync(folder, splits, cancellationToken);
                networks.Add(await ReadNetworkAsync(folder, device, cancellationToken));
            }
        }
        catch
        {
            networks.ForEach(network => network.Dispose());
            throw;
        }

        return new Teachers(networks, Share);
    }

    private static async Task<Network> ReadNetworkAsync(string folder, Device device, CancellationToken cancellationToken)
    {
        var (tensors, metadata) = SafeTensors.Read(await File.ReadAllBytesAsync(Path.Combine(folder, WeightsFile), cancellationToken));
        var description = NetworkCatalogue.All.FirstOrDefault(network => network.Name == metadata.GetValueOrDefault(NetworkKey))
            ?? throw new InvalidDataException($"{folder}: {WeightsFile} is of no network that is known here.");
        if (!description.Layers.Contains(new GlobalAveragePool()))
        {
            throw new InvalidDataException($"{folder}: {description.Name} takes pictures of one size alone, and training shows several; it cannot teach.");
        }

        var network = new Network(description, seed: 0, device);
        try
        {
            network.Load(tensors);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>What a teacher has learned of a lesion it would hand on, and the figures of the new model would be too good.</summary>
    private static async Task RequireNothingHeldOutAsync(string folder, Dictionary<string, Split> splits, CancellationToken cancellationToken)
    {
        var seen = await ModelFolder.ReadSeenAsync(folder, cancellationToken);
        var heldOut = seen.Count(image => splits.TryGetValue(Convert.ToHexStringLower(image.Sha256), out var split) && (split == Split.Test || (split == Split.Validation && image.Split == Split.Train)));
        var known = seen.Count(image => splits.ContainsKey(Convert.ToHexStringLower(image.Sha256)));
        if (heldOut > 0 || known < seen.Count)
        {
            throw new InvalidDataException(heldOut > 0
                ? $"{folder} was trained or chosen on {heldOut} pictures that this dataset holds out; it may not teach."
                : $"{folder} has seen {seen.Count - known} pictures that are not in this dataset, so nobody knows whether they show lesions that it holds out; it may not teach.");
        }
    }
}
