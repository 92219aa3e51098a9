using Melanoma.Training.Loop;

namespace Melanoma.Training.Networks;

/// <summary>Weights that somebody else learned, from a <c>.safetensors</c> file with the names of timm or torchvision, for any network that has <see cref="NetworkDescription.Published"/>.</summary>
internal static class PublishedWeights
{
    /// <summary>How many batches a normalisation has seen, in whole numbers: nothing here asks for it.</summary>
    private const string Counter = ".num_batches_tracked";

    /// <summary>The weights of a file in the slots of a network; the published last layer knows other classes, so the last layer is all zeros.</summary>
    /// <param name="description">A published network, of any input size.</param>
    /// <param name="file">The bytes of the file.</param>
    /// <returns>A weight for every slot.</returns>
    /// <exception cref="InvalidDataException">The file is damaged or of another network, or the network was never published.</exception>
    public static Dictionary<string, Weight> For(NetworkDescription description, ReadOnlySpan<byte> file)
    {
        var published = Read(file);
        if (description.Published is null)
        {
            throw new InvalidDataException($"{description.Name} starts from random weights: nobody has published others. {Found(published)}");
        }

        return Misfit(description, published) is { } misfit
            ? throw new InvalidDataException($"The weights do not fit {description.Name} under {description.Published.Publisher}'s names: {misfit}. {Found(published)}")
            : Place(description, published);
    }

    /// <summary>The network of the catalogue that a file is of, and its weights.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <exception cref="InvalidDataException">The file is damaged or of no network of the catalogue.</exception>
    public static (NetworkDescription Network, Dictionary<string, Weight> Weights) Recognize(ReadOnlySpan<byte> file)
    {
        var published = Read(file);
        var network = NetworkOf(published) ?? throw new InvalidDataException(
            $"The weights are of none of {string.Join(", ", NetworkCatalogue.All.Where(network => network.Published is not null).Select(network => network.Name))}. {Found(published)}");
        return (network, Place(network, published));
    }

    private static Dictionary<string, Weight> Read(ReadOnlySpan<byte> file) =>
        SafeTensors.Read(file, name => !name.EndsWith(Counter, StringComparison.Ordinal)).Tensors;

    private static Dictionary<string, Weight> Place(NetworkDescription description, Dictionary<string, Weight> published)
    {
        var weights = description.Slots().ToDictionary(slot => slot.Name, slot => new Weight(slot.Shape, new float[slot.Count]));
        foreach (var (slot, name) in Names(description))
        {
            weights[slot.Name] = published[name];
        }

        return weights;
    }

    /// <summary>Why weights do not fit, as the end of a sentence; null if they do.</summary>
    private static string? Misfit(NetworkDescription description, Dictionary<string, Weight> published)
    {
        var left = published.Keys.Where(name => !name.StartsWith($"{description.Published!.Classifier}.", StringComparison.Ordinal)).ToHashSet();
        foreach (var (slot, name) in Names(description))
        {
            if (!left.Remove(name))
            {
                return $"'{name}' must be {Text(slot.Shape)} and is missing";
            }

            if (!published[name].Shape.AsSpan().SequenceEqual(slot.Shape))
            {
                return $"'{name}' must be {Text(slot.Shape)} and is {Text(published[name].Shape)}";
            }
        }

        return left.Count == 0 ? null : $"the network has no '{left.Order(StringComparer.Ordinal).First()}'";
    }

    /// <summary>The slots of all layers but the last, and what they are called in files.</summary>
    private static IEnumerable<(WeightSlot Slot, string Name)> Names(NetworkDescription description) => description.Slots()
        .GroupBy(slot => slot.Name[..slot.Name.LastIndexOf('.')])
        .SkipLast(1)
        .Zip(description.Published!.Modules)
        .SelectMany(layer => layer.First.Select(slot => (slot, layer.Second + slot.Name[layer.First.Key.Length..])));

    private static NetworkDescription? NetworkOf(Dictionary<string, Weight> published) =>
        NetworkCatalogue.All.FirstOrDefault(network => network.Published is not null && Misfit(network, published) is null);

    private static string Found(Dictionary<string, Weight> published) => NetworkOf(published) is { } network
        ? $"The file is of {network.Name}."
        : $"The file has {published.Count} tensors{(published.Count == 0 ? "" : $", '{published.Keys.Order(StringComparer.Ordinal).First()}' among them")}.";

    private static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";
}
