using System.Collections.Immutable;

namespace Melanoma.Training.Networks;

/// <summary>What the weights of a network are called in the files of those who publish them.</summary>
/// <param name="Publisher">Whose names they are, for people.</param>
/// <param name="Modules">Of the layers that have weights, in the order of <see cref="NetworkDescription.Slots"/>, without the last layer.</param>
/// <param name="Classifier">Of the last layer.</param>
internal sealed record PublishedNames(string Publisher, ImmutableArray<string> Modules, string Classifier);
