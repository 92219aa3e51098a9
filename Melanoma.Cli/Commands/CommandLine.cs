using System.CommandLine;

namespace Melanoma.Cli.Commands;

/// <summary>The tree of commands.</summary>
internal static class CommandLine
{
    public static Option<bool> Json { get; } =
        new("--json") { Description = "Write JSON alone to standard output, one document on one line; everything else goes to standard error.", Recursive = true };

    public static Option<string?> Address { get; } =
        new("--address") { Description = "The Gateway's gRPC address; else MELANOMA_ADDRESS, else the stack that `./melanoma up` started here.", Recursive = true, HelpName = "URL" };

    public static RootCommand Root { get; } = CreateRoot();

    public static async Task<int> RunAsync(string[] arguments)
    {
        var parsed = Root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"{string.Join(' ', parsed.Errors.Select(error => error.Message))} `melanoma --help` lists what there is.");
            return ExitCodes.Usage;
        }

        // Ctrl-C and SIGTERM cancel the command's token; a command that does not come back then is ended by force.
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(10) });
    }

    private static RootCommand CreateRoot()
    {
        var root = new RootCommand("Melanoma: skin lesion pictures in, a versioned model out, answers over gRPC. For research, not a medical device.")
        {
            IngestCommand.Create(),
            DeliveryCommands.Create(),
            ImageCommands.Create(),
            ReviewCommands.Create(),
            DatasetCommands.Create(),
            TrainCommand.Create(),
            RunCommands.Create(),
            CrossValidationCommands.Create(),
            ModelCommands.Create(),
            ClassifyCommand.Create(),
            ExplainCommand.Create(),
            PredictionCommands.Create(),
            FeedbackCommand.Create(),
            AuditCommands.Create(),
            KeyCommands.Create(),
            OperationsCommands.Create(),
            DemoCommand.Create(),
        };
        root.Options.Add(Json);
        root.Options.Add(Address);
        return root;
    }
}
