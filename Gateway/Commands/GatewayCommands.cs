using System.CommandLine;
using Melanoma.Contracts.Access;
using Melanoma.Gateway.Access;
using Melanoma.Gateway.Keys;
using Melanoma.Storage;
using Melanoma.Storage.Roles;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Melanoma.Gateway.Commands;

/// <summary>What an operator does at the Gateway's own machine, before anybody has a key.</summary>
internal static class GatewayCommands
{
    /// <summary>Whether the arguments name a command; else the Gateway serves.</summary>
    public static bool Wants(string[] args) => args is [var first, ..] && (!first.StartsWith('-') || first is "--help" or "-h" or "-?" or "--version");

    public static Task<int> RunAsync(string[] args) => Root().Parse(args).InvokeAsync();

    private static RootCommand Root()
    {
        var name = new Option<string>("--name") { Description = "What the key is called; it appears in the audit.", Required = true };
        var tenant = new Option<string>("--tenant") { Description = "Who owns it, for example a hospital.", Required = true };
        var roles = new Option<string>("--roles")
        {
            Description = "What its owner may do, with commas: classify (a hospital's system), data (the data team), ops (the ops team), read.",
            DefaultValueFactory = _ => "classify",
        };
        var createKey = new Command("create", "Makes an API key and prints it. It cannot be shown again.") { name, tenant, roles };
        createKey.SetAction((parsed, cancellation) => PrintAsync(async databases =>
        {
            var (_, secret) = await new KeyRing(databases, TimeProvider.System).CreateAsync(
                parsed.GetRequiredValue(name), parsed.GetRequiredValue(tenant), Roles(parsed.GetRequiredValue(roles)), expiresAt: null, KeyAllowance.Usual, cancellation);
            return secret;
        }));

        var keyName = new Option<string>("--key-name") { Description = "The API key whose rights the browser gets.", Required = true };
        var createTicket = new Command("create", "Prints a token for GATEWAY/sign-in?token=TOKEN that signs one browser in, within ten minutes.") { keyName };
        createTicket.SetAction((parsed, cancellation) =>
            PrintAsync(databases => new BrowserSessions(databases, TimeProvider.System).CreateTicketAsync(parsed.GetRequiredValue(keyName), cancellation)));

        return new RootCommand("The Gateway of Melanoma. Without a command it serves. Commands need ConnectionStrings__melanoma and nothing else.")
        {
            new Command("keys", "API keys.") { createKey },
            new Command("sign-in", "Sign-in of browsers.") { createTicket },
        };
    }

    private static CallerRoles Roles(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.FirstOrDefault(name => CallerRoleNames.Of(name) == CallerRoles.None) is { } unknown
            ? throw new CredentialException($"There is no role '{unknown}'; there are {string.Join(", ", CallerRoles.All.Names())}.")
            : CallerRoleNames.Of(names);
    }

    private static async Task<int> PrintAsync(Func<IDbContextFactory<MelanomaDbContext>, Task<string>> create)
    {
        try
        {
            await using var dataSource = NpgsqlDataSource.Create(MelanomaDatabase.ConnectionStringFor(ConnectionString(), ServiceRole.Gateway));
            var options = new DbContextOptionsBuilder<MelanomaDbContext>();
            options.UseMelanoma(dataSource);
            Console.WriteLine(await create(new Databases(options.Options)));
            return 0;
        }
        catch (CredentialException refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }
        catch (Exception exception) when (DatabaseFailure(exception) is { } reason)
        {
            await Console.Error.WriteLineAsync($"The database cannot be used: {reason}");
            return 1;
        }
    }

    private static string ConnectionString() =>
        new ConfigurationBuilder().SetBasePath(AppContext.BaseDirectory).AddJsonFile("appsettings.json", optional: true).AddEnvironmentVariables().Build()
            .GetConnectionString(MelanomaDatabase.ConnectionName)
        ?? throw new CredentialException("The connection string 'melanoma' is missing: set ConnectionStrings__melanoma to a Postgres connection string.");

    private static string? DatabaseFailure(Exception? exception) => exception switch
    {
        null => null,
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } => "it has no tables yet; run `Ingestion.Service migrate` first.",
        PostgresException postgres => postgres.MessageText,
        NpgsqlException npgsql => npgsql.Message,
        _ => DatabaseFailure(exception.InnerException),
    };

    private sealed class Databases(DbContextOptions<MelanomaDbContext> options) : IDbContextFactory<MelanomaDbContext>
    {
        public MelanomaDbContext CreateDbContext() => new(options);
    }
}
