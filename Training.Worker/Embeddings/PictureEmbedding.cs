namespace Melanoma.Training.Embeddings;

/// <summary>What a frozen network says of one picture.</summary>
/// <param name="Content">The input of the network's last layer: what is to be seen.</param>
/// <param name="Texture">Means and standard deviations of the middle layers' channels: how it looks.</param>
internal sealed record PictureEmbedding(float[] Content, float[] Texture);
