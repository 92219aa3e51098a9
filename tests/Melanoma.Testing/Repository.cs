namespace Melanoma.Testing;

/// <summary>Where the checkout under test lies.</summary>
public static class Repository
{
    /// <summary>The folder that holds <c>Melanoma.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>
    /// The path of a project's built executable, in the same configuration and flavour as the running tests.
    /// </summary>
    /// <param name="project">The project's folder name, such as <c>Ingestion.Service</c>.</param>
    /// <exception cref="FileNotFoundException">The project has not been built in this configuration.</exception>
    public static string Executable(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var name = project == "Melanoma.Cli" ? "melanoma" : project;
        var path = Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, name);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{project} is not built: {path} is missing. Build the solution first.", path);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Melanoma.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No Melanoma.sln above {AppContext.BaseDirectory}.");
    }
}
