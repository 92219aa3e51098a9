namespace Melanoma.Cli.Commands;

/// <summary>What the process says of itself when it ends; documented in the README.</summary>
internal static class ExitCodes
{
    public const int Success = 0;
    public const int Failure = 1;

    /// <summary>The command line itself cannot be understood.</summary>
    public const int Usage = 2;

    /// <summary>The command did its work, but some pictures were refused.</summary>
    public const int SomeRefused = 3;

    /// <summary>Ctrl-C or SIGTERM.</summary>
    public const int Cancelled = 130;
}
