using System.Globalization;
using Melanoma.Contracts.V1;
using nietras.SeparatedValues;

namespace Melanoma.Cli.Commands;

/// <summary>Folds that somebody chose: a CSV with the columns <c>isic_id</c> and <c>fold</c>.</summary>
internal static class FoldTable
{
    /// <exception cref="CommandFailure">The file cannot be read as such a table.</exception>
    public static IReadOnlyList<FoldOfImage> Read(string path)
    {
        try
        {
            using var reader = Sep.New(',').Reader(options => options with { Unescape = true }).FromFile(path);
            var rows = new List<FoldOfImage>();
            foreach (var row in reader)
                rows.Add(new FoldOfImage { IsicId = row["isic_id"].ToString(), Fold = int.Parse(row["fold"].Span, CultureInfo.InvariantCulture) });
            return rows;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException or OverflowException or KeyNotFoundException or InvalidDataException)
        {
            throw new CommandFailure($"{path} is no table of folds with the columns isic_id and fold: {failure.Message}");
        }
    }
}
