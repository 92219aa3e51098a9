using Melanoma.Training.Loop;
using Melanoma.Training.Recipes;
using Microsoft.Extensions.Options;

namespace Melanoma.Training.Exports;

/// <summary>How the commands on exports fail: what a person can mend is a sentence; anything else is a fault of ours and keeps its stack.</summary>
internal static class MendableErrors
{
    /// <summary>Says what can be mended.</summary>
    /// <returns>The exit status.</returns>
    public static async Task<int> SayAsync(Task<int> work)
    {
        try
        {
            return await work;
        }
        catch (Exception exception) when ((exception is AggregateException { InnerException: { } inner } ? inner : exception) is
            InvalidDataException or IOException or TrainingDivergedException or NumericsException or OptionsValidationException or UnknownRecipeException or OperationCanceledException)
        {
            Console.Error.WriteLine((exception as AggregateException)?.InnerException?.Message ?? exception.Message);
            return 1;
        }
    }
}
