using Melanoma.ServiceDefaults.Database;
using Melanoma.Storage;
using Microsoft.EntityFrameworkCore;

namespace Melanoma.Gateway.Access;

/// <summary>Makes the end of a credential felt at once, also by streams that are open: whichever Gateway, or command, ended it says so through the database.</summary>
internal sealed partial class CredentialWatch(DatabaseNotifications notifications, CredentialDirectory credentials, OpenCalls calls, ILogger<CredentialWatch> logger) : BackgroundService
{
    // Nobody tells when a credential ends by itself.
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(1);

    /// <summary>Tells every Gateway that a credential has ended or changed, as part of the transaction that is under way.</summary>
    public static Task TellAsync(MelanomaDbContext database, CancellationToken cancellationToken) =>
        database.Database.ExecuteSqlAsync($"SELECT pg_notify({MelanomaDatabase.CredentialsChannel}, '')", cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ended = notifications.Subscribe(MelanomaDatabase.CredentialsChannel);
        while (!stoppingToken.IsCancellationRequested)
        {
            await ended.WaitAsync(_ => true, Look, stoppingToken);
            credentials.Forget();
            try
            {
                await calls.EndAsync(stoppingToken);
            }
            catch (Exception exception) when (DatabaseTrouble.Is(exception))
            {
                LogLater(exception.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Whether the credentials of open calls are still good is asked again later: {Reason}")]
    private partial void LogLater(string reason);
}
