namespace Melanoma.Training.LabelErrors;

/// <summary>Limited-memory BFGS (Nocedal 1980) with backtracking for smooth convex functions. Deterministic.</summary>
internal static class Lbfgs
{
    private const int Memory = 10;
    private const double LeastDecrease = 1e-4;
    private const int MostHalvings = 30;

    /// <summary>Goes downhill from a point until the gradient is small, nothing is gained or the steps are used up.</summary>
    /// <param name="start">Changed in place to the lowest point found.</param>
    /// <param name="function">Gives the value at a point and writes the gradient.</param>
    /// <param name="steps">The most steps, at least 1.</param>
    /// <param name="tolerance">Relative gain of one step below which it ends.</param>
    public static void Minimise(double[] start, Func<double[], double[], double> function, int steps, double tolerance, CancellationToken cancellationToken)
    {
        var (gradient, next, nextGradient) = (new double[start.Length], new double[start.Length], new double[start.Length]);
        var history = new LinkedList<(double[] Step, double[] Change, double Curvature)>();
        var value = function(start, gradient);
        for (var step = 0; step < steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var direction = Direction(gradient, history);
            var slope = Dot(direction, gradient);
            if (slope >= 0)
            {
                return;
            }

            var length = history.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(-slope)) : 1;
            var found = double.PositiveInfinity;
            for (var halving = 0; halving < MostHalvings; halving++, length /= 2)
            {
                for (var i = 0; i < start.Length; i++)
                {
                    next[i] = start[i] + (length * direction[i]);
                }

                found = function(next, nextGradient);
                if (found <= value + (LeastDecrease * length * slope))
                {
                    break;
                }
            }

            if (!(found < value))
            {
                return;
            }

            Remember(history, start, next, gradient, nextGradient);
            next.CopyTo(start, 0);
            nextGradient.CopyTo(gradient, 0);
            var gained = value - found;
            value = found;
            if (gained < tolerance * Math.Max(1, Math.Abs(value)))
            {
                return;
            }
        }
    }

    private static void Remember(
        LinkedList<(double[] Step, double[] Change, double Curvature)> history, double[] from, double[] to, double[] gradientFrom, double[] gradientTo)
    {
        var (step, change) = (new double[from.Length], new double[from.Length]);
        for (var i = 0; i < step.Length; i++)
        {
            (step[i], change[i]) = (to[i] - from[i], gradientTo[i] - gradientFrom[i]);
        }

        var curvature = Dot(step, change);
        if (curvature <= 1e-12 * Dot(change, change))
        {
            return;
        }

        history.AddLast((step, change, curvature));
        if (history.Count > Memory)
        {
            history.RemoveFirst();
        }
    }

    /// <summary>The two-loop recursion: minus the inverse of the curvature seen so far, applied to the gradient.</summary>
    private static double[] Direction(double[] gradient, LinkedList<(double[] Step, double[] Change, double Curvature)> history)
    {
        var direction = gradient.Select(value => -value).ToArray();
        var shares = new Stack<double>();
        for (var node = history.Last; node is not null; node = node.Previous)
        {
            var share = Dot(node.Value.Step, direction) / node.Value.Curvature;
            shares.Push(share);
            AddScaled(direction, node.Value.Change, -share);
        }

        if (history.Last is { Value: var newest })
        {
            var scale = newest.Curvature / Dot(newest.Change, newest.Change);
            for (var i = 0; i < direction.Length; i++)
            {
                direction[i] *= scale;
            }
        }

        foreach (var (step, change, curvature) in history)
        {
            AddScaled(direction, step, shares.Pop() - (Dot(change, direction) / curvature));
        }

        return direction;
    }

    private static double Dot(double[] first, double[] second)
    {
        var sum = 0.0;
        for (var i = 0; i < first.Length; i++)
        {
            sum += first[i] * second[i];
        }

        return sum;
    }

    private static void AddScaled(double[] target, double[] values, double factor)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] += values[i] * factor;
        }
    }
}
