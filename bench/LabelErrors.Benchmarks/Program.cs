using System.Globalization;
using Melanoma.Training.Benchmarks;

// How well likely label errors and other views of a lesion are found, on the real collections beside the checkout.
// Usage: [delivery] [planted] [planted-both] [views] [--data FOLDER] [--weights FILE]... [--side PIXELS] [--views 1|2|4|8] [--seeds N] [--cache FOLDER]
// Without a word all four.
string[] known = ["delivery", "planted", "planted-both", "views"];
var chosen = args.TakeWhile(argument => known.Contains(argument)).ToArray();
string[] Values(string option) => [.. args.Zip(args.Skip(1)).Where(pair => pair.First == option).Select(pair => pair.Second)];
int Number(string option, int otherwise) => Values(option) is [.., var text] ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

var data = Values("--data").LastOrDefault() ?? Path.Combine(Directory.GetCurrentDirectory(), "..", "shared", "data");
string[] weights = Values("--weights") is { Length: > 0 } files ? files : [Path.Combine(data, "efficientnet_lite0_imagenet.safetensors")];
if (weights.Append(Path.Combine(data, "labels.csv")).FirstOrDefault(file => !File.Exists(file)) is { } missing)
{
    Console.WriteLine($"Skipped: {missing} is not there. Name the collections with --data FOLDER and the network with --weights FILE.");
    return;
}

var (side, views) = (Number("--side", 180), Number("--views", 1));
var cache = new EmbeddingCache(Values("--cache").LastOrDefault() ?? Path.Combine(Path.GetTempPath(), "melanoma-embeddings"), side, views);
Console.WriteLine($"Networks {string.Join(" + ", weights.Select(Path.GetFileNameWithoutExtension))}, side {side}, views {views}.");
var seeds = Number("--seeds", 3);
foreach (var experiment in chosen.Length == 0 ? known : chosen)
{
    switch (experiment)
    {
        case "delivery":
            WrongFolders.Run(data, weights, cache);
            break;
        case "views":
            OtherViews.Run(data, weights[0], cache);
            break;
        default:
            PlantedErrors.Run(data, weights, cache, seeds, withHam: experiment == "planted-both");
            break;
    }
}
