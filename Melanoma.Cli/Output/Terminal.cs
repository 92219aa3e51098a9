using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Melanoma.Cli.Output;

/// <summary>Where a command writes: people's form, or with --json one document a line on standard output and nothing else there.</summary>
internal sealed class Terminal
{
    private const int WidthWithoutTerminal = 140;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        // Class names and sentences stay readable; nothing of this is put into a page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly IAnsiConsole _progressConsole;

    public Terminal(bool json)
    {
        IsJson = json;
        Human = CreateConsole(json ? Console.Error : Console.Out);
        _progressConsole = json && !Human.Profile.Out.IsTerminal ? CreateConsole(TextWriter.Null) : Human;
    }

    /// <summary>Whether standard output is for documents alone.</summary>
    public bool IsJson { get; }

    /// <summary>For people: standard output, or standard error beside documents.</summary>
    public IAnsiConsole Human { get; }

    /// <summary>Writes one document on one line.</summary>
    public static void WriteDocument<T>(T document) => Console.Out.WriteLine(JsonSerializer.Serialize(document, Options));

    /// <summary>Writes the document under --json, else lets the people's form be written.</summary>
    public void Write<T>(T document, Action<IAnsiConsole> human)
    {
        if (IsJson)
            WriteDocument(document);
        else
            human(Human);
    }

    /// <summary>Shows bars while the work runs. What is written to <see cref="Human"/> meanwhile stands above them.</summary>
    public Task<T> ProgressAsync<T>(ProgressColumn[] columns, Func<ProgressContext, Task<T>> work) =>
        _progressConsole.Progress().AutoClear(false).HideCompleted(false).Columns(columns).StartAsync(work);

    private static IAnsiConsole CreateConsole(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = WidthWithoutTerminal;
        return console;
    }
}
