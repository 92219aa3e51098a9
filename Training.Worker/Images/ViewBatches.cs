using Melanoma.Imaging;
using static TorchSharp.torch;

namespace Melanoma.Training.Images;

/// <summary>Batches of pictures in the views of <see cref="SquareSymmetry"/>, and what is said of them.</summary>
internal static class ViewBatches
{
    /// <summary>The mean of what was said of several views.</summary>
    /// <param name="answers">A list for each view, at least one, all of one length.</param>
    public static float[] Mean(params IReadOnlyList<float[]> answers) => [.. Enumerable.Range(0, answers[0].Length).Select(i => answers.Average(answer => answer[i]))];

    /// <summary>The same view of each picture of a batch.</summary>
    /// <param name="images">[N,side,side,3].</param>
    /// <param name="view">0 to 7; 0 is the pictures themselves.</param>
    public static Tensor Apply(Tensor images, int view)
    {
        var seen = SquareSymmetry.Exchanges(view) ? images.transpose(1, 2) : images;
        long[] mirrored = [.. SquareSymmetry.MirrorsRows(view) ? [1] : (long[])[], .. SquareSymmetry.MirrorsColumns(view) ? [2] : (long[])[]];
        return mirrored.Length == 0 ? seen : seen.flip(mirrored);
    }
}
