namespace Melanoma.Contracts.Models;

/// <summary>Names in a model's ONNX graph that both its writer and its readers use.</summary>
public static class ModelGraph
{
    /// <summary>Input, uint8 [N,H,W,3]: upright sRGB pictures, red first; normalisation is in the graph.</summary>
    public const string Images = "images";

    /// <summary>Output, float [N,9]: calibrated probabilities in index order.</summary>
    public const string Probabilities = "probabilities";

    /// <summary>Output, float [N,D]: what the last layer decides from.</summary>
    public const string Embedding = "embedding";

    /// <summary>
    /// Output, float [N,1], where the file has <see cref="ModelProperties.DistanceLimit"/>: how far a picture's embedding is from those of the training pictures, as squared Mahalanobis distance per
    /// dimension.
    /// </summary>
    public const string Distance = "distance";

    /// <summary>Output, float [N,9,h,w], where the network has one: each place's share of the class's logit.</summary>
    public const string ActivationMap = "activation_map";
}
