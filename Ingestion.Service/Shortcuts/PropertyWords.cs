namespace Melanoma.Ingestion.Shortcuts;

/// <summary>How a property is spoken of: "no nevus COMES FROM x, all others COME FROM it".</summary>
/// <param name="Name">Its name.</param>
/// <param name="Singular">The verb for one image.</param>
/// <param name="Plural">The verb for many.</param>
/// <param name="Missing">What an image without a value has, as an object of the verb.</param>
/// <param name="Number">For numbers, what stands before "below 3" or "of 3 or more".</param>
internal sealed record PropertyWords(string Name, string Singular, string Plural, string Missing, string Number = "");
