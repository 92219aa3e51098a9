namespace Melanoma.Cli.Commands;

/// <summary>Ends the command with one sentence for a person.</summary>
internal sealed class CommandFailure(string sentence, int exitCode = ExitCodes.Failure) : Exception(sentence)
{
    public int ExitCode { get; } = exitCode;
}
