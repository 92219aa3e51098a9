namespace Melanoma.Training.Networks;

/// <summary>A place for weights in a network.</summary>
/// <param name="Name">Path of the layer and role, for example <c>3.weight</c>, or <c>3.0.weight</c> in a block.</param>
/// <param name="Shape">Dimensions as PyTorch has them: [out, in, kernel, kernel], [channels, 1, kernel, kernel], [out, in] or [channels].</param>
internal sealed record WeightSlot(string Name, long[] Shape, WeightRole Role)
{
    public long Count => Shape.Aggregate(1L, (product, side) => product * side);

    /// <summary>Whether training follows a gradient; running statistics are only counted along.</summary>
    public bool IsTrained => Role is not (WeightRole.RunningMean or WeightRole.RunningVariance);
}

internal enum WeightRole
{
    Kernel,
    DepthwiseKernel,
    Bias,
    Scale,
    RunningMean,
    RunningVariance,
}

/// <summary>The numbers of one slot, row by row.</summary>
internal sealed record Weight(long[] Shape, float[] Values);
