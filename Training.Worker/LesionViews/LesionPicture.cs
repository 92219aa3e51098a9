namespace Melanoma.Training.LesionViews;

/// <summary>What the search for other views of a lesion knows of a picture.</summary>
/// <param name="Texture">Of <see cref="Embeddings.PictureEmbedding"/>; of one length for all pictures.</param>
/// <param name="Lesion">Its lesion as far as it is known: pictures of one are no news. Null where nothing is known.</param>
internal sealed record LesionPicture(string Image, float[] Texture, string? Lesion = null);

/// <summary>Two pictures that show one lesion.</summary>
/// <param name="AgreeingPlaces">How many places of the first picture are found in the second by one shift, turn and zoom.</param>
/// <param name="Similarity">Cosine of the whitened textures, -1 to 1.</param>
internal sealed record LesionViewPair(string First, string Second, int AgreeingPlaces, float Similarity);

/// <summary>How the search goes about it.</summary>
internal sealed record LesionViewOptions
{
    /// <summary>How many of the pictures of most similar texture are looked at closely, for each picture; default 10.</summary>
    public int Candidates { get; init; } = 10;

    /// <summary>Agreeing places from which on two pictures are held to show one lesion; default 8.</summary>
    public int LeastAgreeing { get; init; } = 8;

    /// <summary>Added to the variances of the standardised textures before whitening; default 0.05.</summary>
    public double Whitening { get; init; } = 0.05;
}
