namespace Melanoma.Testing;

/// <summary>
/// The real picture collections beside the checkout (<c>../shared/data</c>). They are never part of the repository, so every test that wants them says so here.
/// </summary>
public static class SharedData
{
    /// <summary>The folder, whether it exists or not; <c>MELANOMA_SHARED_DATA</c> overrides it.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable("MELANOMA_SHARED_DATA")
        ?? Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "data"));

    /// <summary>The full path of a file or folder in the collection.</summary>
    /// <param name="relativePath">Path below <see cref="Folder"/>, such as <c>isic9.zip</c>.</param>
    /// <exception cref="TestSkippedException">It is not there: the test is skipped with that reason.</exception>
    public static string Require(string relativePath) => Path.Exists(Path.Combine(Folder, relativePath))
        ? Path.Combine(Folder, relativePath)
        : throw new TestSkippedException($"{relativePath} is not in {Folder}: put the picture collection there or set MELANOMA_SHARED_DATA.");
}
