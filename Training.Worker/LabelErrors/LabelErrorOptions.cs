namespace Melanoma.Training.LabelErrors;

/// <summary>What the search for label errors assumes.</summary>
internal sealed record LabelErrorOptions
{
    /// <summary>Parts that the lesions are divided into; each is judged by a model trained on the others; default 5.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>Share of claims that is held to be wrong before anything is seen; default 0.05.</summary>
    public double ErrorRate { get; init; } = 0.05;

    /// <summary>How many claims of each diagnosis <see cref="ErrorRate"/> weighs when the habits of labelling are learned; default 50.</summary>
    public double ErrorRateWeight { get; init; } = 50;

    /// <summary>Penalty on squared weights of the model, on embeddings whose squares have mean 1; default 0.25.</summary>
    public double Penalty { get; init; } = 0.25;

    /// <summary>Whether labels of the same picture and of other pictures of the lesion count as evidence; default true.</summary>
    public bool UseCopies { get; init; } = true;
}
