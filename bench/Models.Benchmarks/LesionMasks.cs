using System.Diagnostics;
using System.IO.Compression;
using Melanoma.Contracts.Models;
using Melanoma.Imaging;

namespace Melanoma.Training.Models;

/// <summary>Whether the activation map of the diagnosis looks at the lesion, by the lesion masks of HAM10000.</summary>
internal static class LesionMasks
{
    private const int LightFrom = 128;

    /// <param name="masks">The archive with <c>masks/ISIC_ID.png</c>, white where the lesion is.</param>
    /// <returns>How many pictures have a mask; the share of maps whose peak lies in the lesion; the mean share of what speaks for the diagnosis that lies there; the mean share of the picture
    /// that is lesion; milliseconds that an answer takes without and with its map.</returns>
    public static (int Pictures, double PeakInside, double MassInside, double LesionShare, double Milliseconds, double MillisecondsWithMap) Measure(ServedModel model, TestPictures test, string masks)
    {
        using var archive = ZipFile.OpenRead(masks);
        var (peaks, masses, shares) = (0, new List<double>(), new List<double>());
        var squares = test.Squares(model.Side);
        foreach (var (row, i) in test.Rows.Select((row, i) => (row, i)).Where(pair => pair.row.Source == "HAM10000" && pair.row.IsicIds.Count == 1))
        {
            var picture = TestPictures.Decode(test.Files[i]);
            if (archive.GetEntry($"masks/{row.IsicIds[0]}.png") is not { } entry || ReadMask(entry) is not { } mask || (mask.Width, mask.Height) != (picture.Width, picture.Height))
            {
                continue;
            }

            var (probabilities, _, map) = model.Look(squares[i], withMap: true);
            var diagnosis = (int)DiagnosisRule.Decide(probabilities, model.Properties.ClassPrior, model.Properties.Unsupported);
            var (rows, columns) = (map!.Dimensions[2], map.Dimensions[3]);
            var (peak, inside, all) = ((Row: 0, Column: 0), 0.0, 0.0);
            for (var y = 0; y < rows; y++)
            {
                for (var x = 0; x < columns; x++)
                {
                    var value = map[0, diagnosis, y, x];
                    peak = value > map[0, diagnosis, peak.Row, peak.Column] ? (y, x) : peak;
                    all += Math.Max(0, value);
                    inside += Math.Max(0, value) * Share(mask, y, x, rows, columns);
                }
            }

            peaks += IsLesion(mask, (int)((peak.Column + 0.5) * mask.Width / columns), (int)((peak.Row + 0.5) * mask.Height / rows)) ? 1 : 0;
            masses.Add(all > 0 ? inside / all : 0);
            shares.Add(Share(mask, 0, 0, 1, 1));
        }

        return (masses.Count, peaks / (double)masses.Count, masses.Average(), shares.Average(), Time(withMap: false), Time(withMap: true));

        double Time(bool withMap)
        {
            var watch = Stopwatch.StartNew();
            foreach (var square in squares.Take(200))
            {
                model.Look(square, withMap);
            }

            return watch.Elapsed.TotalMilliseconds / Math.Min(200, squares.Count);
        }
    }

    private static RgbImage? ReadMask(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return ImageDecoder.TryDecode(bytes.ToArray(), ImageLimits.Default, out var mask, out _) ? mask : null;
    }

    private static bool IsLesion(RgbImage mask, int x, int y) => mask.Row(y)[3 * x] >= LightFrom;

    /// <summary>The share of a cell that is lesion.</summary>
    private static double Share(RgbImage mask, int row, int column, int rows, int columns)
    {
        var (lesion, all) = (0, 0);
        for (var y = row * mask.Height / rows; y < (row + 1) * mask.Height / rows; y++)
        {
            for (var x = column * mask.Width / columns; x < (column + 1) * mask.Width / columns; x++)
            {
                (lesion, all) = (lesion + (IsLesion(mask, x, y) ? 1 : 0), all + 1);
            }
        }

        return lesion / (double)all;
    }
}
