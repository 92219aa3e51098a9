namespace Melanoma.Imaging.Benchmarks;

internal static class Growth
{
    public static object Run(Picture[] pictures) => pictures.Length;
}
