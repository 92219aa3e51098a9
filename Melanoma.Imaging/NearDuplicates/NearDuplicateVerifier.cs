namespace Melanoma.Imaging.NearDuplicates;

/// <summary>
/// Decides from two signatures whether they are of the same photograph: re-scaled, re-compressed, cropped a little, turned by quarter turns, mirrored or squashed.
/// Both are laid on each other in the positions that their coarse structure suggests, the fit is refined, and the fine structure must correlate. Two photographs of one lesion do not match.
/// </summary>
public static class NearDuplicateVerifier
{
    /// <summary>Correlation of the fine structure from which two pictures are the same.</summary>
    public const double DefaultThreshold = 0.82;

    // Positions tried, the most likely first.
    private const int MaxPositions = 3;

    // Windows whose keys are further apart do not show the same.
    private const int MaxDistance = 2500;

    // What cannot be fitted any better, and what is hopeless after the coarse fit.
    private const float Certain = 0.97f;
    private const float Hopeless = 0.35f;
    private const int CoarseSteps = 2;
    private const int FineSteps = 4;

    // Below this (mean size, in levels) there is only rounding and noise to correlate.
    private const float MinStrength = 0.3f;

    // How far the ends of a stretch may move from where the windows put them, in parts of the side.
    private const float MaxMove = 0.06f;

    [ThreadStatic]
    private static Workspace? workspace;

    /// <summary>Compares two pictures.</summary>
    /// <param name="first">One, such as the newly delivered.</param>
    /// <param name="second">The other.</param>
    /// <param name="threshold">Least correlation of the fine structure of a match, 0 to 1.</param>
    public static NearDuplicateMatch Compare(PictureSignature first, PictureSignature second, double threshold = DefaultThreshold)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        workspace ??= new();
        var positions = workspace.Positions;
        var count = Positions(first.Keys, second.Keys, positions);
        var best = default(Fit);
        foreach (var position in positions[..count])
        {
            var fit = workspace.Refine(first.Keys, second.Keys, position);
            if (fit.Similarity > best.Similarity)
                best = fit;
            if (best.Similarity >= Certain)
                break;
        }

        return best.Similarity <= 0 ? NearDuplicateMatch.None : new(
            best.Similarity >= threshold,
            best.Similarity,
            best.Symmetry.IsMirrored,
            best.Symmetry.Turn,
            best.SecondAcross.Length / best.FirstAcross.Length,
            best.SecondDown.Length / best.FirstDown.Length);
    }

    // The nearest pairs of windows over all eight positions of the second picture.
    private static int Positions(PictureKeys first, PictureKeys second, Span<Position> positions)
    {
        var count = 0;
        for (var index = 0; index < Symmetry.Count; index++)
        {
            var symmetry = new Symmetry(index);
            count = Pair(second.Stored, symmetry, first.Sought, movesSecond: true, symmetry, positions, count);
            // Moving the second there is as good as moving the first back.
            count = Pair(first.Stored, symmetry.Inverse, second.Sought, movesSecond: false, symmetry, positions, count);
        }

        return count;
    }

    private static int Pair(
        PictureKeys.WindowKeys moved, Symmetry by, PictureKeys.WindowKeys fixedOnes, bool movesSecond, Symmetry symmetry, Span<Position> positions, int count)
    {
        for (var i = 0; i < moved.Keys.Length; i++)
        {
            var key = moved.Keys[i].Under(by);
            for (var j = 0; j < fixedOnes.Keys.Length; j++)
            {
                var distance = WaveKey.Distance(key, fixedOnes.Keys[j]);
                if (distance > MaxDistance)
                    continue;
                var (first, second) = movesSecond ? (fixedOnes.Windows[j], moved.Windows[i]) : (moved.Windows[i], fixedOnes.Windows[j]);
                count = Insert(positions, count, new(distance, first, second, symmetry));
            }
        }

        return count;
    }

    // One position a symmetry and rough crop: the near ones lead to the same fit.
    private static int Insert(Span<Position> positions, int count, in Position position)
    {
        for (var i = 0; i < count; i++)
        {
            if (positions[i].LeadsWhere(position))
            {
                if (position.Distance >= positions[i].Distance)
                    return count;
                positions[(i + 1)..count].CopyTo(positions[i..]);
                count--;
                break;
            }
        }

        var at = count;
        while (at > 0 && positions[at - 1].Distance > position.Distance)
            at--;
        if (at == MaxPositions)
            return count;
        var last = Math.Min(count, MaxPositions - 1);
        positions[at..last].CopyTo(positions[(at + 1)..]);
        positions[at] = position;
        return last + 1;
    }

    private readonly record struct Position(int Distance, FrameWindow First, FrameWindow Second, Symmetry Symmetry)
    {
        private const double SameScale = 0.045;

        public bool LeadsWhere(in Position other) =>
            Symmetry == other.Symmetry
            && Math.Abs(Scale(First.Across, Second.Across) - Scale(other.First.Across, other.Second.Across)) < SameScale
            && Math.Abs(Scale(First.Down, Second.Down) - Scale(other.First.Down, other.Second.Down)) < SameScale;

        private static double Scale(FrameInterval a, FrameInterval b) => (a.To - a.From) / (b.To - b.From);
    }

    private readonly record struct Fit(float Similarity, Symmetry Symmetry, Stretch FirstAcross, Stretch FirstDown, Stretch SecondAcross, Stretch SecondDown);

    private sealed class Workspace
    {
        private readonly Patch _target = new();
        private readonly Patch _moving = new();
        private readonly float[] _turned = new float[PictureSignature.CellCount];

        public Position[] Positions { get; } = new Position[MaxPositions];

        public Fit Refine(PictureKeys first, PictureKeys second, in Position position)
        {
            var firstAcross = StretchOf(position.First.Across);
            var firstDown = StretchOf(position.First.Down);
            var across = StretchOf(position.Symmetry.Swaps ? position.Second.Down : position.Second.Across);
            var down = StretchOf(position.Symmetry.Swaps ? position.Second.Across : position.Second.Down);
            if (position.Symmetry.MirrorsAcross)
                across = across.Mirrored;
            if (position.Symmetry.MirrorsDown)
                down = down.Mirrored;
            Turn(second.Cells, position.Symmetry);
            _target.Fill(first.Cells, firstAcross, firstDown);
            if (_target.Strength < MinStrength)
                return default;

            Stretch startAcross = across, startDown = down;
            _moving.Fill(_turned, across, down);
            var best = new Fit(Similarity(), position.Symmetry, firstAcross, firstDown, across, down);
            for (var step = 0; step < CoarseSteps + FineSteps && best.Similarity < Certain; step++)
            {
                var coarse = step < CoarseSteps;
                if (step == CoarseSteps && best.Similarity < Hopeless)
                    break;
                var found = coarse
                    ? Alignment.TryStep(_target.Coarse, _moving.Coarse, out var move)
                    : Alignment.TryStep(_target.Fine, _moving.Fine, out move);
                if (!found)
                    break;
                across = across.Fitted(move.Across, move.AcrossGrowth);
                down = down.Fitted(move.Down, move.DownGrowth);
                if (!across.IsNear(startAcross, MaxMove) || !down.IsNear(startDown, MaxMove))
                    break;
                _moving.Fill(_turned, across, down);
                var similarity = Similarity();
                if (similarity > best.Similarity)
                    best = new(similarity, position.Symmetry, firstAcross, firstDown, across, down);
            }

            return best;
        }

        private static Stretch StretchOf(FrameInterval interval) => new((float)interval.From, (float)interval.To);

        private float Similarity() => _moving.Strength < MinStrength ? 0 : Alignment.Correlation(_target.Detail, _moving.Detail);

        private void Turn(float[] cells, Symmetry symmetry)
        {
            const int Side = PictureSignature.Side;
            for (var y = 0; y < Side; y++)
            {
                var sy = symmetry.MirrorsDown ? Side - 1 - y : y;
                for (var x = 0; x < Side; x++)
                {
                    var sx = symmetry.MirrorsAcross ? Side - 1 - x : x;
                    _turned[(y * Side) + x] = cells[symmetry.Swaps ? (sx * Side) + sy : (sy * Side) + sx];
                }
            }
        }
    }
}
