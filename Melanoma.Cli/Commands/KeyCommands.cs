using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Melanoma.Contracts.V1;
using Spectre.Console;

namespace Melanoma.Cli.Commands;

/// <summary><c>melanoma keys</c>: who may call. The text of a key goes to standard output and is shown once.</summary>
internal static class KeyCommands
{
    private static readonly Argument<string> Name = new("NAME") { Description = "The key's name." };

    private static readonly Option<string> Tenant =
        new("--tenant") { Description = "Who owns it, for example a hospital: limits, the result feed and the audit are by tenant.", Required = true, HelpName = "TENANT" };

    private static readonly Option<string> Roles = new("--roles")
    {
        Description = "What its owner may do, with commas: classify (a hospital's system), data (the data team), ops (the ops team), read.",
        Required = true,
        HelpName = "ROLES",
    };

    private static readonly Option<int?> Days = new("--expires-in-days") { Description = "When it ends by itself; never when not given.", HelpName = "DAYS" };

    private static readonly Option<int?> RequestsPerSecond = new("--requests-per-second") { Description = "Calls a second that may begin.", HelpName = "N" };

    private static readonly Option<int?> ConcurrentCalls = new("--concurrent-calls") { Description = "Calls that may be open at a time.", HelpName = "N" };

    private static readonly Option<long?> BytesPerDay = new("--bytes-per-day") { Description = "Bytes of requests a day (UTC).", HelpName = "N" };

    private static readonly Option<double> OverlapHours =
        new("--overlap-hours") { Description = "For how long the old text goes on.", DefaultValueFactory = _ => 24, HelpName = "HOURS" };

    private static readonly Option<bool> Ended = new("--all") { Description = "Revoked and expired keys too." };

    public static Command Create() =>
        new Command("keys", "Make, list, rotate and revoke API keys.")
        {
            new Command("list", "The keys, without their texts.") { Ended }.Runs(ListAsync),
            new Command("create", "Make a key and print it. It cannot be shown again.") { Name, Tenant, Roles, Days, RequestsPerSecond, ConcurrentCalls, BytesPerDay }.Runs(CreateAsync),
            new Command("rotate", "Give a key a new text and print it; the old one goes on for a while.") { Name, OverlapHours }.Runs(RotateAsync),
            new Command("revoke", "End a key, and the browser sessions under it, at once.") { Name }.Runs(RevokeAsync),
        };

    private static async Task<int> ListAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new ListKeysRequest { IncludeEnded = context.Arguments.GetValue(Ended) };
        var answer = await gateway.ReadAsync(options => gateway.Keys.ListKeysAsync(request, options), cancellationToken);
        context.Terminal.Write(new KeyListDocument([.. answer.Keys.Select(KeyDocument.From)]), console => WriteList(console, answer.Keys));
        return ExitCodes.Success;
    }

    private static async Task<int> CreateAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new CreateKeyRequest
        {
            Name = context.Arguments.GetRequiredValue(Name),
            Tenant = context.Arguments.GetRequiredValue(Tenant),
            ExpiresAt = context.Arguments.GetValue(Days) is { } days ? gateway.Time.GetUtcNow().AddDays(days).ToTimestamp() : null,
            Limits = new KeyLimits(),
        };
        request.Roles.AddRange(context.Arguments.GetRequiredValue(Roles).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        if (context.Arguments.GetValue(RequestsPerSecond) is { } requests)
            request.Limits.RequestsPerSecond = requests;
        if (context.Arguments.GetValue(ConcurrentCalls) is { } calls)
            request.Limits.ConcurrentCalls = calls;
        if (context.Arguments.GetValue(BytesPerDay) is { } bytes)
            request.Limits.BytesPerDay = bytes;
        Show(context, await gateway.ChangeAsync(options => gateway.Keys.CreateKeyAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> RotateAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new RotateKeyRequest
        {
            Name = context.Arguments.GetRequiredValue(Name),
            OverlapSeconds = (long)TimeSpan.FromHours(context.Arguments.GetValue(OverlapHours)).TotalSeconds,
        };
        Show(context, await gateway.ChangeAsync(options => gateway.Keys.RotateKeyAsync(request, options), cancellationToken));
        return ExitCodes.Success;
    }

    private static async Task<int> RevokeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var gateway = await context.ConnectAsync(cancellationToken);
        var request = new RevokeKeyRequest { Name = context.Arguments.GetRequiredValue(Name) };
        var key = await gateway.ReadAsync(options => gateway.Keys.RevokeKeyAsync(request, options), cancellationToken);
        context.Terminal.Write(KeyDocument.From(key), console => console.MarkupLineInterpolated($"The key [bold]{key.Name}[/] of {key.Tenant} has ended."));
        return ExitCodes.Success;
    }

    private static void Show(CommandContext context, CreatedKey created) => context.Terminal.Write(
        new CreatedKeyDocument(KeyDocument.From(created.Key), created.Secret),
        console =>
        {
            console.MarkupLineInterpolated($"The key [bold]{created.Key.Name}[/] of {created.Key.Tenant} ({string.Join(", ", created.Key.Roles)}); keep it now, it cannot be shown again:");
            console.WriteLine(created.Secret);
            if (created.Key.PreviousUntil is { } until)
                console.WriteLine($"The old one is taken until {When(until)}.");
        });

    private static void WriteList(IAnsiConsole console, IReadOnlyList<Key> keys)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var header in (ReadOnlySpan<string>)["name", "tenant", "roles", "created", "last used", "ends", "calls today", "MB today", ""])
            table.AddColumn(header);
        foreach (var key in keys)
        {
            table.AddRow(
                Markup.Escape(key.Name), Markup.Escape(key.Tenant), string.Join(", ", key.Roles), When(key.CreatedAt), When(key.LastUsedAt), When(key.ExpiresAt),
                key.CallsToday.ToString("N0", CultureInfo.InvariantCulture), (key.BytesToday / 1e6).ToString("N1", CultureInfo.InvariantCulture),
                key.RevokedAt is not null ? "[red]revoked[/]" : key.PreviousUntil is { } until ? $"old text until {When(until)}" : "");
        }

        console.Write(table);
    }

    private static string When(Timestamp? time) => time?.ToDateTime().ToString("u", CultureInfo.InvariantCulture) ?? "";
}
