namespace Melanoma.Serving.Benchmarks;

/// <summary>Everything that was measured with one model.</summary>
/// <param name="Raw">ONNX Runtime on ready tensors.</param>
/// <param name="RawEightBits">The same with the file of eight bits.</param>
/// <param name="BareOne">Decode and run in one loop.</param>
/// <param name="Bare">Decode and run in as many loops as cores, each round.</param>
/// <param name="Sides">Inference.Api, the Gateway, and the peer where there is one.</param>
/// <param name="Published">Rounds of the Gateway with the file that is published, and of the peer beside it; none where there is no peer or the same file is published.</param>
/// <param name="CompilingSeconds">Processor time of both services' compilers during the rounds: what is not next to nothing spoils the ratios.</param>
internal sealed record ModelFigures(
    string Model, RawFigures Raw, RawFigures RawEightBits, PointFigures BareOne, IReadOnlyList<PointFigures> Bare, IReadOnlyList<SideFigures> Sides,
    IReadOnlyList<PublishedRound> Published, double CompilingSeconds)
{
    /// <summary>Callers at which the ratios are taken.</summary>
    public const int RatioCallers = 16;

    public Ratios Ratios => new(
        PerRound(Sides[0].Rounds, Bare),
        PerRound(Sides[1].Rounds, Bare),
        Sides.Count > 2 ? PerRound(Sides[1].Rounds, Sides[2].Rounds) : null,
        Published.Count > 0 ? PerRound([.. Published.Select(round => round.Gateway)], [.. Published.Select(round => round.Peer)]) : null,
        RawEightBits.PerSecond / Raw.PerSecond);

    /// <summary>Why eight bits are not twice as fast; null where they are.</summary>
    public string? Int8Reason => Ratios.Int8ToFp32 >= 2
        ? null
        : System.Runtime.Intrinsics.X86.AvxVnni.IsSupported || System.Runtime.Intrinsics.X86.Avx512BW.IsSupported
            ? "the parts that stay in floating point, and the steps between bytes and numbers, take the rest of the time"
            : "this processor has neither AVX-VNNI nor AVX-512: it multiplies and adds about 32 bytes where it does 16 numbers of single precision, so 2 is the most there can be";

    // Rounds follow each other, so that what else the machine does falls on all sides alike; the middle one is told.
    private static double PerRound(IReadOnlyList<PointFigures> over, IReadOnlyList<PointFigures> under) =>
        PointFigures.Middle(over.Zip(under, (above, below) => above.PerCpuSecond / below.PerCpuSecond));
}

/// <summary>A round of the Gateway with the published file, and of the peer with the one in full precision.</summary>
internal sealed record PublishedRound(PointFigures Gateway, PointFigures Peer);

/// <summary>One side under every load.</summary>
/// <param name="IsOurs">Whether the goals are about it.</param>
/// <param name="Points">A load each; that of <see cref="ModelFigures.RatioCallers"/> callers is the middle one of the rounds.</param>
/// <param name="Rounds">All rounds of <see cref="ModelFigures.RatioCallers"/> callers.</param>
internal sealed record SideFigures(string Name, bool IsOurs, IReadOnlyList<PointFigures> Points, IReadOnlyList<PointFigures> Rounds)
{
    /// <summary>The open loop beyond what can be answered.</summary>
    public const string Overload = "120 % open";

    /// <summary>Most images a second under any load.</summary>
    public double Peak => Points.Max(point => point.PerSecond);

    /// <summary>The closed loop with so many callers.</summary>
    public PointFigures At(int callers) => Points.First(point => point.Load == $"{callers} callers");
}

/// <summary>Images per CPU-second of all processes, side to side, at <see cref="ModelFigures.RatioCallers"/> callers with distinct images.</summary>
/// <param name="ServiceToRaw">Inference.Api to the bare loop.</param>
/// <param name="GatewayToRaw">Gateway to the bare loop.</param>
/// <param name="Peer">Gateway to the peer, both on the same single-precision file; null where there is no peer.</param>
/// <param name="PeerPublished">The same with the file that is published on our side.</param>
/// <param name="Int8ToFp32">ONNX Runtime on ready tensors, eight bits to single precision, each at its best setting, images a second.</param>
internal sealed record Ratios(double ServiceToRaw, double GatewayToRaw, double? Peer, double? PeerPublished, double Int8ToFp32);
