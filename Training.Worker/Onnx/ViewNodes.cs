using Melanoma.Imaging;

namespace Melanoma.Training.Onnx;

/// <summary>
/// The nodes by which a graph looks at each picture in its eight turned and mirrored views: [N,...] becomes [8N,...], all pictures in the first view, then all in
/// the second, and so on; behind the network it becomes [N,...] again.
/// </summary>
internal static class ViewNodes
{
    /// <summary>Adds the views of square pictures.</summary>
    /// <param name="images">uint8 [N,side,side,3].</param>
    /// <returns>The name of [8N,side,side,3].</returns>
    public static string Spread(OnnxGraph graph, string images) => graph.Node(
        "Concat",
        $"{images}.views",
        Enumerable.Range(0, SquareSymmetry.Count).Select(view => Mirror(graph, Exchange(graph, images, view, [0, 2, 1, 3]), view, rows: 1)),
        OnnxGraph.Int("axis", 0));

    /// <summary>The mean over the views.</summary>
    /// <param name="output">The name that the mean gets.</param>
    /// <param name="x">[8N,...].</param>
    /// <param name="shapeBehindBatch">What the dots stand for.</param>
    public static string Mean(OnnxGraph graph, string output, string x, params ReadOnlySpan<long> shapeBehindBatch) =>
        Average(graph, output, Apart(graph, output, x, shapeBehindBatch));

    /// <summary>The mean over the views of maps, each turned back first.</summary>
    /// <param name="output">The name that the mean gets.</param>
    /// <param name="maps">[8N,channels,side,side].</param>
    public static string MeanMap(OnnxGraph graph, string output, string maps, int channels, int side)
    {
        var apart = Apart(graph, output, maps, channels, side, side);
        var back = Enumerable.Range(0, SquareSymmetry.Count).Select(view =>
            Exchange(graph, Mirror(graph, Cut(graph, $"{apart}.{view}", apart, [view], [view + 1], [0], [1]), view, rows: 3), view, [0, 1, 2, 4, 3]));
        return Average(graph, output, graph.Node("Concat", $"{output}.back", back, OnnxGraph.Int("axis", 0)));
    }

    /// <summary>[8N,...] as [8,N,...], whatever N is.</summary>
    private static string Apart(OnnxGraph graph, string output, string x, params ReadOnlySpan<long> shapeBehindBatch) =>
        graph.Node("Reshape", $"{output}.apart", [x, graph.Integers($"{output}.apart.shape", [SquareSymmetry.Count, -1, .. shapeBehindBatch])]);

    private static string Average(OnnxGraph graph, string output, string apart) =>
        graph.Node("ReduceMean", output, [apart, graph.Integers($"{output}.axis", 0)], OnnxGraph.Int("keepdims", 0));

    private static string Exchange(OnnxGraph graph, string x, int view, long[] axes) =>
        SquareSymmetry.Exchanges(view) ? graph.Node("Transpose", $"{x}.{view}.exchanged", [x], OnnxGraph.Ints("perm", axes)) : x;

    /// <param name="rows">The axis of the rows; that of the columns is the next.</param>
    private static string Mirror(OnnxGraph graph, string x, int view, long rows)
    {
        long[] axes = [.. SquareSymmetry.MirrorsRows(view) ? [rows] : (long[])[], .. SquareSymmetry.MirrorsColumns(view) ? [rows + 1] : (long[])[]];
        return axes.Length == 0
            ? x
            : Cut(graph, $"{x}.{view}.mirrored", x, [.. axes.Select(_ => -1L)], [.. axes.Select(_ => long.MinValue)], axes, [.. axes.Select(_ => -1L)]);
    }

    private static string Cut(OnnxGraph graph, string output, string x, long[] starts, long[] ends, long[] axes, long[] steps) => graph.Node(
        "Slice",
        output,
        [x, graph.Integers($"{output}.starts", starts), graph.Integers($"{output}.ends", ends), graph.Integers($"{output}.axes", axes), graph.Integers($"{output}.steps", steps)]);
}
