namespace Melanoma.Ingestion.Shortcuts;

/// <summary>How a property is spoken of: "no nevus COMES FROM x, all others COME FROM it".</summary>
/// <param name="Name">Its name.</param>
/// <param name="Singular">The verb for one image.</param>
/// <param name="Plural">The verb for many.</param>
/// <param name="Missing">What an image without a value has, as an object of the verb.</param>
/// <param name="Others">What is said of all values that have no category of their own.</param>
/// <param name="Below">For numbers, what stands before a bound.</param>
internal sealed record PropertyWords(string Name, string Singular, string Plural, string Missing, string Others = "any other", string Below = "");
