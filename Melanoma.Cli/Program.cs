using Melanoma.Cli.Commands;

return await CommandLine.RunAsync(args);
