namespace Melanoma.Ingestion.Shortcuts;

/// <summary>
/// Cramer's V with the bias correction of W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society 42
/// (2013) 323-328:
/// phi² is lowered by what independent columns would give, and the numbers of rows and columns alike.
/// </summary>
internal static class CramersV
{
    /// <summary>How far rows and columns tell each other.</summary>
    /// <param name="table">Counts, not negative; rows and columns without any count are passed over. Fractions are taken where a label counts in part.</param>
    /// <returns>0 (independent, or one row, or one column) to 1 (each tells the other).</returns>
    public static double Of(double[,] table)
    {
        int rows = table.GetLength(0), columns = table.GetLength(1);
        var rowSums = new double[rows];
        var columnSums = new double[columns];
        double total = 0;
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
            {
                rowSums[r] += table[r, c];
                columnSums[c] += table[r, c];
                total += table[r, c];
            }
        }

        int usedRows = rowSums.Count(sum => sum > 0), usedColumns = columnSums.Count(sum => sum > 0);
        if (usedRows < 2 || usedColumns < 2 || total <= 1)
            return 0;
        double phi = -1;
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < columns; c++)
            {
                if (table[r, c] > 0)
                    phi += table[r, c] / rowSums[r] * (table[r, c] / columnSums[c]);
            }
        }

        var corrected = phi - ((usedRows - 1) * (usedColumns - 1) / (total - 1));
        var least = Math.Min(Corrected(usedRows, total), Corrected(usedColumns, total)) - 1;
        return corrected <= 0 || least <= 0 ? 0 : Math.Min(1, Math.Sqrt(corrected / least));
    }

    private static double Corrected(int categories, double total) => categories - ((categories - 1) * (categories - 1) / (total - 1));
}
